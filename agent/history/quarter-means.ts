import { HOUR_MS, QUARTER_MS } from './levels.ts';
import type { Period } from './periods.ts';
import { keptFromMs } from './retention.ts';
import { meanOf } from './rollup.ts';
import type { HistoryView, Selection } from './view.ts';

/** Mean of a gauge in a quarter of an hour; in an hour where retention has let quarters go. */
export interface QuarterMean extends Period {
  mean: number;
}

/**
 * Visits each quarter that begins in a span and has readings of a gauge, of all series that are selected; what was computed from
 * readings comes last. Nothing of a year is kept in memory.
 */
export function eachMean(
  view: HistoryView,
  { fromMs, toMs, meter, measurement }: Period & Selection,
  quantity: string,
  visit: (mean: QuarterMean) => void,
): void {
  const selection = { meter, measurement, quantities: new Set([quantity]) };
  const newest = view.newest(fromMs, toMs, new Set(['quarter', 'hour']), selection);
  const keptMs = view.store ? Math.min(Math.max(keptFromMs(view.store, 'quarter'), fromMs), toMs) : fromMs;
  const pieces = [
    { level: 'hour', lengthMs: HOUR_MS, fromMs, toMs: keptMs },
    { level: 'quarter', lengthMs: QUARTER_MS, fromMs: keptMs, toMs },
  ] as const;
  for (const { level, lengthMs, ...span } of pieces) {
    if (span.fromMs >= span.toMs) continue;
    for (const { startMs, rollup } of view.each(level, span.fromMs, span.toMs, selection, newest)) {
      const field = rollup.fields.get(quantity);
      if (field?.kind === 'gauge') visit({ fromMs: startMs, toMs: startMs + lengthMs, mean: meanOf(field) });
    }
  }
}
