import type { DatabaseSync } from 'node:sqlite';
import { firstKeyAt, timeOfKey } from './keys.ts';

export interface RetentionLimits {
  /** Readings older than this go; undefined keeps them for ever. */
  maxAgeMs?: number | undefined;
  /** Bytes that the journal's data may take; undefined sets no bound. */
  maxBytes?: number | undefined;
  /** A consumer that must have taken what goes by age. What is too large goes all the same. */
  takenBy?: string | undefined;
}

export interface RetentionResult {
  deleted: number;
  /** Deleted readings that some consumer had not taken yet: lost to it. */
  untaken: number;
  /** True when there may be more to delete. */
  more: boolean;
}

/** Rows in one transaction: short enough that the collector's second is not disturbed. */
const CHUNK = 2000;

const NOTHING: RetentionResult = { deleted: 0, untaken: 0, more: false };

/** What the journal's data takes, free pages left out. */
export function usedBytes(db: DatabaseSync): number {
  const number = (name: string) => Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
  return (number('page_count') - number('freelist_count')) * number('page_size');
}

/**
 * Deletes the oldest readings beyond the limits, at most one chunk a call, and the gaps before the oldest that stays; and of
 * the list of late ones what each consumer has taken. The newest reading always stays: it tells what arrives late. Freed
 * pages are used again, so the file stops growing.
 */
export function applyRetention(db: DatabaseSync, limits: RetentionLimits, nowMs: number): RetentionResult {
  db.exec('BEGIN IMMEDIATE');
  try {
    const late = deleteTakenLate(db);
    const result = deleteOldest(db, limits, nowMs);
    db.exec('COMMIT');
    return { ...result, more: result.more || late === CHUNK };
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** A cursor that is set back goes by key again, and needs none of them. @returns how many it deleted */
function deleteTakenLate(db: DatabaseSync): number {
  const { changes } = db
    .prepare(
      `DELETE FROM late WHERE seq <= (SELECT coalesce(min(late), (SELECT max(seq) FROM late)) FROM cursor)
         AND seq < (SELECT min(seq) FROM late) + ?`,
    )
    .run(CHUNK);
  return Number(changes);
}

function deleteOldest(db: DatabaseSync, limits: RetentionLimits, nowMs: number): RetentionResult {
  const tooLarge = limits.maxBytes !== undefined && usedBytes(db) > limits.maxBytes;
  if (!tooLarge && limits.maxAgeMs === undefined) return NOTHING;
  const newest = (db.prepare('SELECT max(key) AS key FROM reading').get() as { key: number | null }).key ?? 0;
  // A clock that is wrong, and years ahead, must not make all readings old.
  const presentMs = Math.min(nowMs, timeOfKey(newest));
  const oldestKeptMs = limits.maxAgeMs === undefined ? 0 : presentMs - limits.maxAgeMs;
  const taken = takenKey(db, limits.takenBy);
  const bound = tooLarge ? newest : Math.min(newest, firstKeyAt(oldestKeptMs), taken ?? 0);
  const row = db
    .prepare('SELECT max(key) AS key, count(*) AS n FROM (SELECT key FROM reading WHERE key < ? ORDER BY key LIMIT ?)')
    .get(bound, CHUNK) as { key: number | null; n: number };
  const untaken = row.key === null ? 0 : countUntaken(db, row.key);
  if (row.key !== null) {
    db.prepare('DELETE FROM reading WHERE key <= ?').run(row.key);
  }
  const first = (db.prepare('SELECT min(key) AS key FROM reading').get() as { key: number | null }).key;
  const gapsBeforeMs = Math.max(oldestKeptMs ?? 0, tooLarge && first !== null ? timeOfKey(first) : 0);
  for (const { id } of db.prepare('SELECT id FROM series').all()) {
    // Both bounds: the key of the table is (series, from_time), so this reads no gap that stays.
    db.prepare('DELETE FROM gap WHERE series = ? AND from_time < ? AND to_time < ?').run(
      id ?? 0,
      gapsBeforeMs,
      gapsBeforeMs,
    );
  }
  return { deleted: row.n, untaken, more: row.n === CHUNK || taken === undefined };
}

/** Keys below may go by age; undefined while the consumer has late readings before it, which can be of any time. */
function takenKey(db: DatabaseSync, consumer: string | undefined): number | undefined {
  if (consumer === undefined) return Number.MAX_SAFE_INTEGER;
  const cursor = db.prepare('SELECT key, late FROM cursor WHERE consumer = ?').get(consumer);
  const lastLate = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM late').get();
  if (!cursor || Number(cursor.late) < Number(lastLate?.seq)) return undefined;
  return Number(cursor.key);
}

/** More need not be counted: the list of late ones has no order by key, and an import of years fills it with millions. */
const MOST_LATE_COUNTED = 10_000;

/** Readings up to a key that some consumer has not taken: ahead of it, or late behind it. */
function countUntaken(db: DatabaseSync, key: number): number {
  const { n } = db
    .prepare(
      `SELECT (SELECT count(*) FROM reading WHERE key <= ?1 AND key > (SELECT min(key) FROM cursor))
        + (SELECT count(DISTINCT key) FROM
            (SELECT key FROM late WHERE seq > (SELECT min(late) FROM cursor) ORDER BY seq LIMIT ${MOST_LATE_COUNTED})
            JOIN reading USING (key) WHERE key <= ?1 AND key <= (SELECT min(key) FROM cursor)) AS n`,
    )
    .get(key) as { n: number };
  return n;
}
