import type { DatabaseSync } from 'node:sqlite';
import type { Entry } from './entry.ts';
import { joinedGaps } from './joined-gaps.ts';
import { timeOfKey } from './keys.ts';

/** UTC ms of the first and the last reading; null without any. */
export interface JournalExtent {
  fromMs: number | null;
  toMs: number | null;
}

export interface JournalCounts extends JournalExtent {
  readings: number;
  gaps: number;
}

/** From when to when there are readings, committed or not. Unlike counting, it does not read all of the file. */
export function extentOf(db: DatabaseSync, waiting: readonly Entry[]): JournalExtent {
  const { first, last } = keyEnds(db);
  const times = [
    ...(first === null || last === null ? [] : [timeOfKey(first), timeOfKey(last)]),
    ...readingTimes(waiting),
  ];
  return {
    fromMs: times.length === 0 ? null : Math.min(...times),
    toMs: times.length === 0 ? null : Math.max(...times),
  };
}

/** How much there is, with what is not committed yet and follows what is. */
export function countsOf(db: DatabaseSync, waiting: readonly Entry[]): JournalCounts {
  const { readings, gaps } = db
    .prepare('SELECT (SELECT count(*) FROM reading) AS readings, (SELECT count(*) FROM gap) AS gaps')
    .get() as { readings: number; gaps: number };
  const { last } = keyEnds(db);
  const lastMs = last === null ? Number.NEGATIVE_INFINITY : timeOfKey(last);
  return {
    readings: readings + readingTimes(waiting).filter((timeMs) => timeMs > lastMs).length,
    gaps: gaps + joinedGaps(waiting).filter((gap) => gap.fromMs > lastMs).length,
    ...extentOf(db, waiting),
  };
}

/** Keys of the first and the last reading that are committed. */
export function keyEnds(db: DatabaseSync): { first: number | null; last: number | null } {
  return db.prepare('SELECT (SELECT min(key) FROM reading) AS first, (SELECT max(key) FROM reading) AS last').get() as {
    first: number | null;
    last: number | null;
  };
}

/** Times of the readings among entries, UTC ms. */
export function readingTimes(entries: readonly Entry[]): number[] {
  return entries.flatMap((entry) => (entry.kind === 'reading' ? [entry.reading.timeMs] : []));
}
