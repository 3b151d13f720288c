import type { Load, LoadState } from './load.ts';
import { hashedRandom } from './random.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Something that runs for a while, some times a day, with a course of its own. */
interface Appliance {
  /** The day is divided into slots of this length; in each the appliance may run once. */
  slotMs: number;
  /** Chance that it runs in a slot that begins at this local hour. */
  chance: (hour: number) => number;
  runMs: number;
  /** Power while it runs, `t` ms after its start. */
  power: (t: number, noise: number) => { w: number; var: number };
}

const between = (hour: number, from: number, to: number, chance: number) => (hour >= from && hour < to ? chance : 0);

const APPLIANCES: readonly Appliance[] = [
  // Fridge: compressor with an inrush in its first second.
  {
    slotMs: 45 * MINUTE,
    chance: () => 1,
    runMs: 16 * MINUTE,
    power: (t) => (t < 1000 ? { w: 620, var: 480 } : { w: 92, var: 61 }),
  },
  // Kettle.
  { slotMs: 2 * HOUR, chance: (h) => between(h, 6, 22, 0.55), runMs: 3 * MINUTE, power: () => ({ w: 2050, var: 0 }) },
  // Hob with a thermostat.
  {
    slotMs: 6 * HOUR,
    chance: (h) => between(h, 6, 20, 0.9),
    runMs: 40 * MINUTE,
    power: (t) => (t % 25_000 < 14_000 ? { w: 1450, var: 0 } : { w: 4, var: 9 }),
  },
  // Washing machine: heats, then turns its drum to and fro.
  {
    slotMs: 12 * HOUR,
    chance: (h) => between(h, 6, 19, 0.5),
    runMs: 95 * MINUTE,
    power: (t, noise) =>
      t < 18 * MINUTE
        ? { w: 1980, var: 35 }
        : t % 15_000 < 10_000
          ? { w: 180 + 90 * noise, var: 150 }
          : { w: 12, var: 14 },
  },
  // Television in the evening.
  {
    slotMs: 24 * HOUR,
    chance: () => 0.9,
    runMs: 150 * MINUTE,
    power: (_t, noise) => ({ w: 95 + 20 * noise, var: -28 }),
  },
];

export interface HouseholdOptions {
  seed: number;
  /** Peak of a photovoltaic system, W; at noon the house then exports. */
  solarPeakW?: number;
}

/** A home with appliances that come and go, a diurnal voltage, and a sun if it has a roof for it. */
export class Household implements Load {
  readonly #seed: number;
  readonly #solarPeakW: number;

  constructor(options: HouseholdOptions) {
    this.#seed = options.seed;
    this.#solarPeakW = options.solarPeakW ?? 0;
  }

  at(timeMs: number): LoadState {
    const second = Math.floor(timeMs / 1000);
    const localMs = timeMs - new Date(timeMs).getTimezoneOffset() * MINUTE;
    const hour = (localMs % DAY) / HOUR;
    const noise = hashedRandom(this.#seed, second) * 2 - 1;
    let activeW = 78 + 3 * noise;
    let reactiveVar = 31 + noise;
    if (hour >= 17.5 && hour < 23.2) activeW += 110;
    APPLIANCES.forEach((appliance, index) => {
      const power = this.#running(appliance, index, localMs, noise);
      if (!power) return;
      activeW += power.w * (1 + 0.008 * noise);
      reactiveVar += power.var * (1 + 0.008 * noise);
    });
    activeW -= this.#solarW(hour, second);
    const sag = Math.abs(activeW) * 0.0009;
    return {
      activeW: Math.round(activeW),
      reactiveVar: Math.round(reactiveVar),
      voltageV: 231.5 + 2.4 * Math.sin((hour / 24) * 2 * Math.PI) - sag + 0.35 * noise,
      frequencyHz: 50 + 0.018 * Math.sin(second / 97) + 0.004 * noise,
    };
  }

  #running(
    appliance: Appliance,
    index: number,
    localMs: number,
    noise: number,
  ): { w: number; var: number } | undefined {
    const slot = Math.floor(localMs / appliance.slotMs);
    const slotHour = ((slot * appliance.slotMs) % DAY) / HOUR;
    const dice = (n: number) => hashedRandom(this.#seed, index, slot, n);
    if (dice(0) >= appliance.chance(slotHour)) return undefined;
    const startMs = slot * appliance.slotMs + dice(1) * Math.max(0, appliance.slotMs - appliance.runMs);
    const t = localMs - startMs;
    return t >= 0 && t < appliance.runMs ? appliance.power(t, noise) : undefined;
  }

  #solarW(hour: number, second: number): number {
    if (this.#solarPeakW === 0 || hour < 6 || hour > 20) return 0;
    const clouds = 0.7 + 0.3 * hashedRandom(this.#seed, 77, Math.floor(second / 240));
    return this.#solarPeakW * Math.sin(((hour - 6) / 14) * Math.PI) ** 1.5 * clouds;
  }
}
