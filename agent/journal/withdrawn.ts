import type { DatabaseSync } from 'node:sqlite';
import { seriesOfKey, timeOfKey } from './keys.ts';

const PREFIX = 'withdrawn/';
const MINUTE_MS = 60_000;

/** Minutes of a series from which readings were taken away because they never were of that time. */
export interface Withdrawn {
  /** Id of the series in this journal. */
  series: number;
  /** Since 1970; both included. */
  fromMinute: number;
  toMinute: number;
}

/**
 * Notes from where readings are taken away, for who adds them up (agent/history/): to that, a reading that is gone is one
 * that retention has let go. No reading was there before these when they were stored, so retention has let go of none
 * around them. To be used within the transaction that deletes them.
 * @param keys of the readings
 */
export function noteWithdrawn(db: DatabaseSync, keys: readonly number[]): void {
  const ends = new Map<number, { from: number; to: number }>();
  for (const key of keys) {
    const minute = Math.floor(timeOfKey(key) / MINUTE_MS);
    const known = ends.get(seriesOfKey(key)) ?? { from: minute, to: minute };
    ends.set(seriesOfKey(key), { from: Math.min(known.from, minute), to: Math.max(known.to, minute) });
  }
  const insert = db.prepare('INSERT OR IGNORE INTO state (key, value) VALUES (?, ?)');
  for (const [series, { from, to }] of ends) insert.run(`${PREFIX}${series}/${from}-${to}`, 'true');
}

/** All that is noted and not dropped yet. */
export function listWithdrawn(db: DatabaseSync): Withdrawn[] {
  const rows = db.prepare('SELECT key FROM state WHERE key >= ? AND key < ?').all(PREFIX, 'withdrawn0');
  return rows.flatMap(({ key }) => {
    const [, series, from, to] = /^withdrawn\/(\d+)\/(\d+)-(\d+)$/.exec(String(key)) ?? [];
    if (series === undefined) return [];
    return [{ series: Number(series), fromMinute: Number(from), toMinute: Number(to) }];
  });
}

/** The history knows them. */
export function dropWithdrawn(db: DatabaseSync, known: readonly Withdrawn[]): void {
  const remove = db.prepare('DELETE FROM state WHERE key = ?');
  for (const { series, fromMinute, toMinute } of known) remove.run(`${PREFIX}${series}/${fromMinute}-${toMinute}`);
}
