import { quantityInfo } from '../readings/quantity.ts';

/** What a counter has counted between two readings of it. */
export interface Counted {
  /** In the counter's unit; never negative. */
  amount: number;
  /** It did not simply grow: it was reset, or another meter counts now. What was counted around that is not known. */
  broken: boolean;
}

/** 3 x 100 A at 230 V are 69 kW; behind current transformers the readings' own power tells more. */
const MOST_KW = 100;
/** The power between two readings against the greatest that was read. */
const HEADROOM = 3;
/** What rounding, and a reading that is a moment late, may add: of the counter's unit. */
const SLACK = 0.1;
/** Counters of energy wrap to 0 behind 99 999.9, 999 999.99 and so on. */
const WRAPS = [1e5, 1e6, 1e7, 1e8];

/** Differences below are of floating-point numbers. */
const NOTHING = 1e-6;

export interface CountingLimits {
  /** Whether the quantity is an energy: then it cannot grow faster than the meter's power allows. */
  isEnergy: boolean;
  /** Greatest power around, W, VA or var; 0 when it is not known. */
  peakW: number;
  /** One step of the counter, in its unit. */
  step: number;
}

export function isEnergy(quantity: string): boolean {
  const unit = quantityInfo(quantity)?.unit;
  return unit === 'kWh' || unit === 'kvarh';
}

/**
 * A counter that grew has counted the difference. One that fell has passed its maximum, when that is possible in this time;
 * else it began anew at 0, when what it shows is possible in this time; else, as when it grew by more than is possible, it
 * is another meter's, and nothing is known. Counters of the machine have no greatest speed.
 */
export function countedBetween(before: number, after: number, elapsedMs: number, limits: CountingLimits): Counted {
  const grown = after - before;
  if (Math.abs(grown) < NOTHING) return { amount: 0, broken: false };
  if (!limits.isEnergy)
    return grown > 0 ? { amount: grown, broken: false } : { amount: Math.max(0, after), broken: true };
  const mostKw = Math.max(MOST_KW, (HEADROOM * limits.peakW) / 1000);
  const most = (mostKw * elapsedMs) / 3_600_000 + SLACK + 2 * limits.step;
  if (grown > 0) return grown <= most ? { amount: grown, broken: false } : { amount: 0, broken: true };
  const wrap = WRAPS.find((candidate) => candidate > before) ?? Number.POSITIVE_INFINITY;
  if (wrap + grown <= most) return { amount: wrap + grown, broken: false };
  return { amount: after <= most ? Math.max(0, after) : 0, broken: true };
}
