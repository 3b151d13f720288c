import type { Withdrawn } from '../journal/withdrawn.ts';
import type { Series } from '../readings/reading.ts';
import type { Dirty } from './dirty.ts';
import { MINUTE_MS } from './levels.ts';
import { keptFromMs } from './retention.ts';
import type { HistoryStore } from './store.ts';

/**
 * Adds minutes from which readings were taken away. Where minutes are gone by retention, quarters and hours stay as they are.
 * @param all that is noted
 * @param seriesOf undefined for an id that the journal does not know
 * @param wants series of these
 */
export function addWithdrawn(
  dirty: Dirty,
  all: readonly Withdrawn[],
  seriesOf: (id: number) => Series | undefined,
  store: HistoryStore | undefined,
  wants: (series: Series, timeMs: number) => boolean = () => true,
): void {
  const first = store ? keptFromMs(store, 'minute') / MINUTE_MS : 0;
  for (const { series, fromMinute, toMinute } of all) {
    const one = seriesOf(series);
    for (let minute = Math.max(first, fromMinute); one && minute <= toMinute; minute++) {
      if (wants(one, minute * MINUTE_MS)) dirty.add(one, minute * MINUTE_MS, true);
    }
  }
}
