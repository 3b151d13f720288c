import type { DatabaseSync } from 'node:sqlite';
import type { Rows } from '../journal/rows.ts';
import { listWithdrawn, type Withdrawn } from '../journal/withdrawn.ts';
import type { Dirty } from './dirty.ts';
import { MINUTE_MS } from './levels.ts';
import { keptFromMs } from './retention.ts';
import type { HistoryStore } from './store.ts';

/**
 * Adds minutes from which readings were taken away. Where minutes are gone by retention, quarters and hours stay as they are.
 * @param wants series of these
 * @returns all that are noted
 */
export function addWithdrawn(
  dirty: Dirty,
  journal: DatabaseSync,
  rows: Rows,
  store: HistoryStore | undefined,
  wants: (series: ReturnType<Rows['series']>, timeMs: number) => boolean = () => true,
): Withdrawn[] {
  const all = listWithdrawn(journal);
  const first = store ? keptFromMs(store, 'minute') / MINUTE_MS : 0;
  for (const { series, fromMinute, toMinute } of all) {
    const one = rows.findSeries(series);
    for (let minute = Math.max(first, fromMinute); one && minute <= toMinute; minute++) {
      if (wants(one, minute * MINUTE_MS)) dirty.add(one, minute * MINUTE_MS, true);
    }
  }
  return all;
}
