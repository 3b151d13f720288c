import { BEGINNING, type Cursors, HISTORY_CONSUMER, type Position } from '../journal/cursors.ts';
import { type HistoryStore, POSITION } from './store.ts';

/**
 * How far the history has taken the journal. Of what the history says and what the journal's cursor says the older counts:
 * either may have been put back. A journal without the cursor is another one, or has come back: all of it is to be taken.
 */
export function positionIn(store: HistoryStore | undefined, cursors: Cursors): Position {
  const own = store?.load(POSITION) as Position | undefined;
  const known = cursors.find(HISTORY_CONSUMER);
  if (!own || !known) return BEGINNING;
  return { key: Math.min(own.key, known.key), late: Math.min(own.late, known.late) };
}
