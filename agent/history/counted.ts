import type { Period } from './periods.ts';
import { type Counter, countedFrom, inUnit, peakOf, type Rollup } from './rollup.ts';

/** What a counter has counted in a period, in its unit. */
export interface PeriodCount {
  amount: number;
  /** The part of it that is only estimated: of what was counted while nothing was read, evenly over that time. */
  estimated: number;
  /** How often the counter did not go on: reset, or another meter. What was counted around that may be missing. */
  breaks: number;
}

/** Longer without a reading is a gap: how what was counted is spread over it is not known. */
export const GAP_MS = 60_000;

/** A period and what is known of it; undefined where nothing was read. */
export interface FilledPeriod extends Period {
  rollup: Rollup | undefined;
}

/**
 * What a counter has counted in each of consecutive periods. Within a period that is known; what it counted between the
 * last reading of one period and the first of a later one belongs to all periods between, by their share of that time. So
 * the sum over periods is the difference of the counter.
 * @param before the last roll-up before them, @param after the first behind them, when there are such
 */
export function countsOf(
  name: string,
  periods: readonly FilledPeriod[],
  before: Rollup | undefined,
  after: Rollup | undefined,
): PeriodCount[] {
  const counts = periods.map((): PeriodCount => ({ amount: 0, estimated: 0, breaks: 0 }));
  let last = before && counterOf(name, before);
  let lastIn = before;
  let lastIndex = 0;
  const goOn = (rollup: Rollup, index: number) => {
    const next = counterOf(name, rollup);
    if (!next) return;
    const around = lastIn;
    if (last && next.firstMs > last.lastMs) {
      const peak = () => Math.max(peakOf(rollup), around ? peakOf(around) : 0);
      const { amount, broken } = countedFrom(last, next, name, peak);
      if (amount > 0) spread(amount, last.lastMs, next.firstMs, lastIndex, index);
      const here = counts[Math.min(index, counts.length - 1)];
      if (broken && here && index < counts.length) here.breaks++;
    }
    last = next;
    lastIn = rollup;
    lastIndex = index;
  };
  const spread = (amount: number, fromMs: number, toMs: number, first: number, end: number) => {
    for (let i = first; i <= Math.min(end, periods.length - 1); i++) {
      const [period, count] = [periods[i], counts[i]];
      if (!period || !count) continue;
      const shareMs = Math.min(period.toMs, toMs) - Math.max(period.fromMs, fromMs);
      if (shareMs <= 0) continue;
      const share = (amount * shareMs) / (toMs - fromMs);
      count.amount += share;
      if (toMs - fromMs > GAP_MS && shareMs < toMs - fromMs) count.estimated += share;
    }
  };
  periods.forEach(({ rollup }, i) => {
    const here = rollup && counterOf(name, rollup);
    const count = counts[i];
    if (!here || !count) return;
    goOn(rollup, i);
    count.amount += inUnit(here.counted, here);
    count.breaks += here.breaks;
  });
  if (after) goOn(after, periods.length);
  return counts;
}

function counterOf(name: string, { fields }: Rollup): Counter | undefined {
  const field = fields.get(name);
  return field?.kind === 'counter' ? field : undefined;
}
