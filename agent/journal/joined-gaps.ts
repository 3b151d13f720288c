import { type Gap, type Series, seriesKey } from '../readings/reading.ts';
import type { Entry } from './entry.ts';

/** Gaps of entries in their order; those of a series that follow one another for one cause are one. */
export function joinedGaps(entries: readonly Entry[]): Gap[] {
  const gaps: Gap[] = [];
  const open = new Map<string, Gap>();
  for (const entry of entries) {
    if (entry.kind === 'reading') {
      open.delete(seriesKey(entry.reading.series));
      continue;
    }
    const last = open.get(seriesKey(entry.gap.series));
    if (last?.cause === entry.gap.cause) {
      last.toMs = Math.max(last.toMs, entry.gap.toMs);
      continue;
    }
    const gap = { ...entry.gap };
    gaps.push(gap);
    open.set(seriesKey(gap.series), gap);
  }
  return gaps;
}

export function sameSeries(a: { series: Series }, b: { series: Series }): boolean {
  return seriesKey(a.series) === seriesKey(b.series);
}

/** Does a gap hold all of another? */
export const covers = (gap: Gap, other: Gap): boolean =>
  gap.fromMs <= other.fromMs && other.toMs <= gap.toMs && sameSeries(gap, other);
