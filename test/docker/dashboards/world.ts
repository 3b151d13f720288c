import { toLine } from '../../../agent/influxdb/line-protocol.ts';
import type { Values } from '../../../agent/readings/reading.ts';
import { Household } from '../../../agent/simulator/household.ts';
import { Ledger } from './ledger.ts';
import { Window } from './window.ts';

// The household's evening is the local one, and so are the ledger's days.
process.env.TZ = 'Europe/Rome';
export const ZONE = 'Europe/Rome';

const SECOND_MS = 1000;
export const MINUTE_MS = 60_000;
export const QUARTER_MS = 15 * MINUTE_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export const METER = 'house';
const MODEL = 'we-515';

/** Fourteen months; the clocks change in March and October 2025, and again within the last ten days. */
export const START_MS = Date.UTC(2025, 1, 3);
export const STOP_MS = Date.UTC(2026, 3, 3, 17, 30);

/** So long before the end the ledger knows each minute. */
const LEDGER_MINUTES_MS = 11 * DAY_MS;

/** Nothing is read in these spans; the meter counts on. Whole minutes. */
export const GAPS: readonly (readonly [number, number])[] = [
  [Date.UTC(2025, 4, 10, 7), Date.UTC(2025, 4, 10, 12, 30)],
  // Across two midnights.
  [Date.UTC(2025, 6, 14, 20, 15), Date.UTC(2025, 6, 16, 1, 30)],
  // While the meter is replaced, below.
  [Date.UTC(2025, 10, 20, 9), Date.UTC(2025, 10, 20, 10)],
  [Date.UTC(2026, 2, 31, 11), Date.UTC(2026, 2, 31, 11, 40)],
  [Date.UTC(2026, 3, 3, 6, 5), Date.UTC(2026, 3, 3, 6, 21)],
];

/** The register begins anew at 0, two minutes into a quarter of an hour while something heavy runs. */
export const RESET_MS = Date.UTC(2025, 8, 3, 13, 2);
/** Another meter of the same model: its register stands far above. */
export const REPLACED_MS = Date.UTC(2025, 10, 20, 9, 30);
/** Another model, hence another series: its register stands near 0. */
export const REMODELLED_MS = Date.UTC(2026, 0, 15, 11);
const LATER_MODEL = 'we-514';

const REGISTERS_WH = { first: 6_481_230, replaced: 20_311_270, remodelled: 3500 };

export interface WorldOptions {
  /** How long before the end there is a reading each second. */
  rawMs: number;
  /** How long before the end there are roll-ups of minutes. */
  minutesMs: number;
}

export interface Line {
  bucket: 'energy' | 'energy_1m' | 'energy_15m' | 'host';
  text: string;
}

/** Italy's bands, near enough: the ledger and the meter agree on them. */
function tariffAt(timeMs: number): 1 | 2 | 3 | 4 {
  const local = new Date(timeMs);
  const hour = local.getHours();
  if (local.getDay() === 0) return 4;
  return hour >= 8 && hour < 19 ? 1 : hour >= 7 && hour < 23 ? 2 : 3;
}

const round = (value: number, places: number) => Math.round(value * 10 ** places) / 10 ** places;
const kwh = (wh: number) => Math.floor(wh / 10) / 100;

/**
 * A home of which all is known: what each bucket would hold, and a ledger of what was truly used. Before the raw readings its
 * load is held for a minute; a second then is 5 W above, the next one 5 W below it.
 */
export class World {
  readonly ledger = new Ledger();
  readonly #options: WorldOptions;
  readonly #house = new Household({ seed: 8 });
  #register = { total: REGISTERS_WH.first, tariffs: [0, 1_900_000, 2_100_000, 2_481_230, 0], reactive: 1_200_000 };

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  /** All lines, in the order of time. */
  *lines(): Generator<Line> {
    const rawFromMs = STOP_MS - this.#options.rawMs;
    const minutesFromMs = STOP_MS - this.#options.minutesMs;
    const quarter = new Window();
    for (let timeMs = START_MS; timeMs < STOP_MS; timeMs += MINUTE_MS) {
      this.#events(timeMs);
      const minute = new Window();
      if (timeMs < rawFromMs) this.#minute(timeMs, minute);
      else yield* this.#seconds(timeMs, minute);
      if (!minute.isEmpty) {
        if (timeMs >= minutesFromMs) {
          if (timeMs >= STOP_MS - LEDGER_MINUTES_MS) this.ledger.minutes.set(timeMs, minute);
          yield this.#line('energy_1m', timeMs, minute.values());
        }
        quarter.take(minute);
      }
      const quarterMs = timeMs - (timeMs % QUARTER_MS);
      if (timeMs + MINUTE_MS === quarterMs + QUARTER_MS && !quarter.isEmpty) {
        this.ledger.read(quarterMs, quarter);
        yield this.#line('energy_15m', quarterMs, quarter.values());
        quarter.clear();
      }
    }
  }

  #events(timeMs: number): void {
    const anew = (wh: number) => ({
      total: wh,
      tariffs: [0, 0.4 * wh, 0.3 * wh, 0.2 * wh, 0.1 * wh],
      reactive: wh / 5,
    });
    if (timeMs === RESET_MS) {
      this.ledger.unreadAtReset = this.ledger.kwh(timeMs - (timeMs % QUARTER_MS), timeMs);
      this.#register = anew(0);
    }
    if (timeMs === REPLACED_MS) this.#register = anew(REGISTERS_WH.replaced);
    if (timeMs === REMODELLED_MS) this.#register = anew(REGISTERS_WH.remodelled);
  }

  #count(timeMs: number, activeW: number, reactiveVar: number, seconds: number): void {
    const wh = (Math.max(0, activeW) * seconds) / 3600;
    const register = this.#register;
    const tariff = tariffAt(timeMs);
    register.total += wh;
    register.tariffs[tariff] = (register.tariffs[tariff] ?? 0) + wh;
    register.reactive += (Math.max(0, reactiveVar) * seconds) / 3600;
    this.ledger.use(timeMs, wh, tariff);
  }

  #minute(timeMs: number, minute: Window): void {
    const load = this.#house.at(timeMs);
    this.#count(timeMs, load.activeW, load.reactiveVar, 60);
    if (inGap(timeMs)) return;
    for (const ripple of [5, -5]) minute.add(this.#gauges(timeMs, load, ripple), this.#counters(), 30);
  }

  *#seconds(fromMs: number, minute: Window): Generator<Line> {
    for (let timeMs = fromMs; timeMs < fromMs + MINUTE_MS; timeMs += SECOND_MS) {
      const load = this.#house.at(timeMs);
      this.#count(timeMs, load.activeW, load.reactiveVar, 1);
      if (inGap(timeMs)) continue;
      const gauges = this.#gauges(timeMs, load, 0);
      const counters = this.#counters();
      minute.add(gauges, counters, 1);
      this.ledger.latest = { timeMs, values: gauges };
      yield this.#line('energy', timeMs, { ...gauges, ...counters });
    }
  }

  #gauges(timeMs: number, load: ReturnType<Household['at']>, rippleW: number): Values {
    const active = load.activeW + rippleW;
    const apparent = Math.hypot(active, load.reactiveVar);
    return {
      frequency: round(load.frequencyHz, 2),
      // A bad afternoon, for the limits of EN 50160.
      voltage: round(load.voltageV + rippleW / 20 - (inSag(timeMs) ? 38 : 0), 1),
      current: round(apparent / load.voltageV, 2),
      active_power: active,
      reactive_power: load.reactiveVar,
      apparent_power: Math.round(apparent),
      power_factor: round(apparent === 0 ? 1 : active / apparent, 3),
      start_offset: 0.001,
      duration: 0.1 + (timeMs % 7000) / 100_000,
    };
  }

  #counters(): Values {
    const { total, tariffs, reactive } = this.#register;
    const [, t1 = 0, t2 = 0, t3 = 0, t4 = 0] = tariffs;
    return {
      active_energy: kwh(total),
      active_energy_t1: kwh(t1),
      active_energy_t2: kwh(t2),
      active_energy_t3: kwh(t3),
      active_energy_t4: kwh(t4),
      reactive_energy: kwh(reactive),
    };
  }

  #line(bucket: Line['bucket'], timeMs: number, values: Values): Line {
    const model = timeMs < REMODELLED_MS ? MODEL : LATER_MODEL;
    return { bucket, text: toLine({ series: { measurement: 'energy', meter: METER, model }, timeMs, values }) };
  }
}

const inGap = (timeMs: number) => GAPS.some(([from, to]) => timeMs >= from && timeMs < to);

/** An hour and ten minutes below 207 V. */
const SAG: readonly [number, number] = [Date.UTC(2026, 3, 2, 13, 20), Date.UTC(2026, 3, 2, 14, 30)];
const inSag = (timeMs: number) => timeMs >= SAG[0] && timeMs < SAG[1];
