import { timeOfKey } from '../journal/keys.ts';
import { JournalReader } from '../journal/reader.ts';
import { quantityKind } from '../readings/quantity.ts';
import type { Reading, Series, Values } from '../readings/reading.ts';
import { systemZone, Zone } from '../system/zone.ts';
import { countsOf, type PeriodCount } from './counted.ts';
import { isEnergy } from './counting.ts';
import { Energies, groupsOf, type MeterEnergy, NOTHING_COUNTED } from './energies.ts';
import { daysAreKnown, type FilledSeries, filledPeriods, nearestHour } from './filled.ts';
import { ceilTo, floorTo, HOUR_MS } from './levels.ts';
import { type Period, periodsOf, type Resolution, resolutionFor, startOf } from './periods.ts';
import { eachMean, type QuarterMean } from './quarter-means.ts';
import type { RawReading } from './raw-readings.ts';
import { readingsEvery, readingsOfPeriods } from './readings-every.ts';
import { type Field, inUnit, meanOf, type Rollup } from './rollup.ts';
import { shapeCounts } from './shape.ts';
import { ZONE } from './store.ts';
import { HistoryView, type Selection } from './view.ts';

/** A quantity in a period, in its unit. */
export type QuantityPoint =
  | { kind: 'gauge'; count: number; mean: number; min: number; max: number; last: number }
  /** `max`: was it set at all? */
  | { kind: 'flag'; count: number; max: number; last: number }
  /** `counted`: inside the period (counted.ts); of energies below an hour shaped by the power (shape.ts). */
  | ({ kind: 'counter'; count: number; first: number; last: number; counted: number } & Omit<PeriodCount, 'amount'>);

/** What a period was like. A period without a reading has no point. */
export interface HistoryPoint extends Period {
  /** Readings. */
  count: number;
  quantities: Record<string, QuantityPoint>;
}

export interface HistorySeries {
  series: Series;
  points: HistoryPoint[];
}

export interface HistoryRange extends Period {
  meter?: string | undefined;
  /** By default `energy`: the meters. */
  measurement?: string | undefined;
}

const METERS = 'energy';
/** Of periods times meters: the memory of a small machine. */
const MOST_ENERGIES = 40_000;
/** About 10 MB of a three-phase meter. */
const MOST_ROWS = 2000;
const QUARTER_HOURLY = new Set<Resolution>(['minute', 'quarter']);

/**
 * Everything that was read, at any resolution: from roll-ups where there are, from readings for what is newest, and with
 * what is missing left out. Reads beside a collector that goes on.
 */
export class History {
  readonly zone: Zone;
  readonly #stateDir: string;
  readonly #mostRows: number;
  readonly #view: HistoryView;

  /**
   * @param timeZone whose hours, days and months are meant; by default the one whose days are kept, else this machine's
   * @param mostRows roll-ups in memory at a time, of all series together, where a span of years is asked for
   * @throws AgentError when there is no journal, or it cannot be read
   */
  constructor(stateDir: string, timeZone?: string, mostRows = MOST_ROWS) {
    this.#stateDir = stateDir;
    this.#mostRows = mostRows;
    this.#view = new HistoryView(stateDir);
    const kept = this.#view.store?.load(ZONE);
    this.zone = new Zone(timeZone ?? (typeof kept === 'string' ? kept : systemZone()));
  }

  /** The finest points of which there are no more than so many. @param quantities by default all */
  chart(range: HistoryRange, mostPoints: number, quantities?: readonly string[]): HistorySeries[] {
    return this.points(range, resolutionFor(range.fromMs, range.toMs, mostPoints), quantities);
  }

  /**
   * The periods that a span touches, each as a whole. Where retention has let the finer ones go, coarser ones stand for them:
   * each point tells its own length.
   * @param quantities by default all
   * @throws AgentError `usage` for too many periods; `storage` when something cannot be read
   */
  points(range: HistoryRange, resolution: Resolution, quantities?: readonly string[]): HistorySeries[] {
    // The shape of an hour needs all of it.
    const isShaped = QUARTER_HOURLY.has(resolution);
    const span = isShaped ? wholeHours(range) : range;
    const wanted = quantities && new Set([...quantities, ...quantities.flatMap(neededFor)]);
    const shown = quantities && new Set(quantities);
    const fromMs = startOf(resolution, range.fromMs, this.zone);
    return this.#filled(span, range, resolution, wanted).map((filled) => {
      const counts = countsOfAll(filled, (name) => wanted === undefined || wanted.has(name), isShaped);
      const points = filled.periods.flatMap(({ rollup, ...period }, i) =>
        rollup && period.toMs > fromMs && period.fromMs < range.toMs
          ? [{ ...period, count: rollup.count, quantities: quantitiesOf(rollup, counts, i, shown) }]
          : [],
      );
      return { series: filled.series, points };
    });
  }

  /**
   * What was consumed in each period that a span touches; periods without readings as well, where counters went on.
   * @throws AgentError `usage` for more than anybody can look at; `storage` when something cannot be read
   */
  energy(range: HistoryRange, resolution: Resolution): MeterEnergy[] {
    if (QUARTER_HOURLY.has(resolution)) {
      const filled = this.#filled(range, range, resolution, undefined);
      const energies = new Energies(filled[0]?.periods ?? []);
      for (const one of filled) energies.add(one, 0, countsOfAll(one, isEnergy, true));
      return energies.result();
    }
    const { meter, measurement = METERS } = range;
    const firstMs = this.#view.nextKnownMs(0) ?? range.toMs;
    const series = Math.max(1, this.#view.allSeries({ meter, measurement }).length);
    const most = Math.floor(MOST_ENERGIES / series);
    const all = periodsOf(resolution, Math.max(range.fromMs, firstMs), range.toMs, this.zone, most);
    const energies = new Energies(all);
    for (const span of this.#parts(all, resolution, { meter, measurement })) {
      for (const one of this.#filled(span, range, resolution, undefined))
        energies.add(one, span.index, countsOfAll(one, isEnergy));
    }
    return energies.result();
  }

  /**
   * As the journal's readings in groups of whole minutes: gauges by their mean, counters by their last value, flags by
   * whether they were set at all. Each carries the time its group begins.
   * @param everyMs a multiple of a minute
   */
  every(range: Period & { meter?: string | undefined }, everyMs: number): Generator<Reading> {
    return readingsEvery(this.#view, range, everyMs, this.#mostRows);
  }

  /** The same for the days or months of the zone that a span touches, each as a whole. */
  *everyPeriod(range: Period & { meter?: string | undefined }, resolution: 'day' | 'month'): Generator<Reading> {
    const { fromMs, toMs, meter } = range;
    const firstMs = this.#view.nextKnownMs(startOf(resolution, fromMs, this.zone));
    if (firstMs === undefined || firstMs >= toMs) return;
    const all = periodsOf(resolution, firstMs, toMs, this.zone);
    for (const span of this.#parts(all, resolution, { meter })) {
      yield* this.#view.consistently(() =>
        readingsOfPeriods(filledPeriods(this.#view, this.zone, resolution, span, { meter })),
      );
    }
  }

  /** Names of the quantities that there are, of any series. */
  names(): ReadonlySet<string> {
    const reader = new JournalReader(this.#stateDir);
    try {
      return new Set([...reader.names(), ...(this.#view.store?.names() ?? [])]);
    } finally {
      reader.close();
    }
  }

  /** Series of the meters, of which there is anything at all. */
  meters(): Series[] {
    return this.#view.allSeries({ measurement: METERS });
  }

  /** Names of what a series had in the last hour that is kept of it. */
  quantitiesOf(series: Series, beforeMs: number): string[] {
    const id = this.#view.store?.idOf(series);
    const kept = id === undefined ? undefined : this.#view.store?.nearest('hour', id, 'before', beforeMs);
    return [...((kept ?? nearestHour(this.#view, series, 'before', beforeMs))?.rollup.fields.keys() ?? [])];
  }

  /** The last reading of a series in the hours that begin before a time, also where it is kept no more. */
  lastOf(series: Series, beforeMs: number): Pick<Reading, 'timeMs' | 'values'> | undefined {
    const { rollup } = nearestHour(this.#view, series, 'before', beforeMs) ?? {};
    if (!rollup) return undefined;
    const values: Values = {};
    for (const [name, field] of rollup.fields)
      if (field.lastMs === rollup.lastMs) values[name] = inUnit(field.last, field);
    return { timeMs: rollup.lastMs, values };
  }

  /** Readings as they were, ordered by time. The numbers of one are another's after the next. */
  readings({ fromMs, toMs, meter, measurement = METERS }: HistoryRange): Generator<RawReading> {
    return this.#view.readings(fromMs, toMs, { meter, measurement });
  }

  /** @see eachMean */
  eachMean(range: HistoryRange, quantity: string, visit: (mean: QuarterMean) => void): void {
    const { measurement = METERS } = range;
    this.#view.consistently(() => eachMean(this.#view, { ...range, measurement }, quantity, visit));
  }

  /** How far it is kept, for a person. */
  status(): { bytes: number; takenMs: number | null; fromMs: number | null; zone: string } {
    const { store } = this.#view;
    const { key } = this.#view.position();
    return {
      bytes: store?.bytes() ?? 0,
      takenMs: key === 0 ? null : timeOfKey(key),
      fromMs: store?.ends('hour')?.firstMs ?? null,
      zone: this.zone.name,
    };
  }

  close(): void {
    this.#view.close();
  }

  /** Spans of so many of these periods as may be in memory at a time; `index`: of the first. */
  *#parts(
    periods: readonly Period[],
    resolution: Resolution,
    selection: Selection,
  ): Generator<Period & { index: number }> {
    const series = Math.max(1, this.#view.allSeries(selection).length);
    const most = Math.floor(this.#mostRows / series);
    let index = 0;
    for (const group of groupsOf(periods, resolution, most, daysAreKnown(this.#view, this.zone))) {
      yield { fromMs: group[0]?.fromMs ?? 0, toMs: group.at(-1)?.toMs ?? 0, index };
      index += group.length;
    }
  }

  #filled(
    span: Period,
    { meter, measurement = METERS }: HistoryRange,
    resolution: Resolution,
    quantities: ReadonlySet<string> | undefined,
  ): FilledSeries[] {
    const selection = { meter, measurement, quantities };
    return this.#view.consistently(() => filledPeriods(this.#view, this.zone, resolution, span, selection));
  }
}

/** What a quantity is computed with. */
function neededFor(name: string): string[] {
  if (!isEnergy(name)) return [];
  const phase = /_l[123]/.exec(name)?.[0] ?? '';
  const total = name.replace(/_t[1-4]$/, '');
  const tariffs = total === name ? [] : [1, 2, 3, 4].map((n) => `${total}_t${n}`);
  return [...POWERS.map((power) => `${power}${phase}`), total, ...tariffs];
}

const POWERS = ['active_power', 'reactive_power', 'apparent_power'];

function wholeHours({ fromMs, toMs }: Period): Period {
  return { fromMs: floorTo(HOUR_MS, fromMs), toMs: ceilTo(HOUR_MS, toMs) };
}

function countsOfAll(
  { periods, before, after }: FilledSeries,
  isWanted: (name: string) => boolean,
  isShaped = false,
): Map<string, PeriodCount[]> {
  const names = new Set<string>();
  for (const rollup of [before, ...periods.map((period) => period.rollup)]) {
    for (const [name, field] of rollup?.fields ?? []) if (field.kind === 'counter' && isWanted(name)) names.add(name);
  }
  const counts = new Map([...names].map((name) => [name, countsOf(name, periods, before, after)]));
  if (isShaped) shapeCounts(periods, counts);
  return counts;
}

function quantitiesOf(
  { fields }: Rollup,
  counts: ReadonlyMap<string, PeriodCount[]>,
  index: number,
  shown: ReadonlySet<string> | undefined,
): Record<string, QuantityPoint> {
  const points: Record<string, QuantityPoint> = {};
  for (const [name, field] of fields) {
    if (shown && !shown.has(name)) continue;
    points[name] = pointOf(name, field, counts.get(name)?.[index] ?? NOTHING_COUNTED);
  }
  return points;
}

function pointOf(name: string, field: Field, { amount, estimated, breaks }: PeriodCount): QuantityPoint {
  const { count } = field;
  const last = inUnit(field.last, field);
  if (field.kind === 'counter') {
    const first = inUnit(field.first, field);
    return { kind: 'counter', count, first, last, counted: amount, estimated, breaks };
  }
  const max = inUnit(field.max, field);
  if (quantityKind(name) === 'flag') return { kind: 'flag', count, max, last };
  return { kind: 'gauge', count, mean: meanOf(field), min: inUnit(field.min, field), max, last };
}
