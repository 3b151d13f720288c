import type { DatabaseSync } from 'node:sqlite';
import { firstKeyAt, timeOfKey } from './keys.ts';

export interface RetentionLimits {
  /** Readings older than this go; undefined keeps them for ever. */
  maxAgeMs?: number | undefined;
  /** Bytes that the journal's data may take; undefined sets no bound. */
  maxBytes?: number | undefined;
  /** Until this consumer has a cursor nothing goes by age. */
  takenBy?: string | undefined;
}

export interface RetentionResult {
  deleted: number;
  /** Deleted readings that some consumer had not taken yet: lost to it. */
  untaken: number;
  /** Those consumers. */
  losers: string[];
  /** True when there may be more to delete. */
  more: boolean;
}

/** Rows in one transaction: short enough that the collector's second is not disturbed. */
const CHUNK = 2000;

const NOTHING: RetentionResult = { deleted: 0, untaken: 0, losers: [], more: false };

/** What the journal's data takes, free pages left out. */
export function usedBytes(db: DatabaseSync): number {
  const number = (name: string) => Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
  return (number('page_count') - number('freelist_count')) * number('page_size');
}

/**
 * Deletes the oldest readings beyond the limits, by age only what each consumer has taken, at most one chunk a call, and the gaps before the oldest that stays; and of
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

const DAY_MS = 86_400_000;
/** A stretch of readings that is younger, behind a pause that is longer, can be of a clock that is wrong. */
const TRUSTED_AFTER_MS = 7 * DAY_MS;
const LONG_PAUSE_MS = 14 * DAY_MS;

/**
 * The present that ages are told from. A clock that is years ahead, and nobody has told so yet, must not make all that was
 * read before old: what comes after a long pause counts when it has gone on for a week.
 * @param newestMs of all that there is
 * @param at the first that there is from a time on, or the last before one, UTC ms
 */
export function presentOf(
  newestMs: number,
  at: (side: 'from' | 'before', timeMs: number) => number | undefined,
): number {
  const bound = newestMs - LONG_PAUSE_MS;
  const goesOn = (at('from', bound) ?? newestMs) <= newestMs - TRUSTED_AFTER_MS;
  return goesOn ? newestMs : (at('before', bound) ?? newestMs);
}

function newestOn(db: DatabaseSync, side: 'from' | 'before', timeMs: number): number | undefined {
  const what =
    side === 'from' ? 'min(key) AS key FROM reading WHERE key >= ?' : 'max(key) AS key FROM reading WHERE key < ?';
  const { key } = db.prepare(`SELECT ${what}`).get(firstKeyAt(timeMs)) as { key: number | null };
  return key === null ? undefined : timeOfKey(key);
}

function deleteOldest(db: DatabaseSync, limits: RetentionLimits, nowMs: number): RetentionResult {
  const tooLarge = limits.maxBytes !== undefined && usedBytes(db) > limits.maxBytes;
  if (!tooLarge && limits.maxAgeMs === undefined) return NOTHING;
  const newest = (db.prepare('SELECT max(key) AS key FROM reading').get() as { key: number | null }).key ?? 0;
  const presentMs = Math.min(
    nowMs,
    presentOf(timeOfKey(newest), (side, ms) => newestOn(db, side, ms)),
  );
  const oldestKeptMs = limits.maxAgeMs === undefined ? 0 : presentMs - limits.maxAgeMs;
  const taken = takenKey(db, limits.takenBy);
  const aged = Math.min(firstKeyAt(oldestKeptMs), taken ?? 0);
  const bound = tooLarge ? newest : Math.min(newest, aged);
  const row = db
    .prepare('SELECT max(key) AS key, count(*) AS n FROM (SELECT key FROM reading WHERE key < ? ORDER BY key LIMIT ?)')
    .get(bound, CHUNK) as { key: number | null; n: number };
  const untaken = row.key === null ? 0 : countUntaken(db, row.key);
  const losers = row.key === null || untaken === 0 ? [] : consumersBefore(db, row.key);
  if (row.key !== null) {
    db.prepare('DELETE FROM reading WHERE key <= ?').run(row.key);
  }
  const first = (db.prepare('SELECT min(key) AS key FROM reading').get() as { key: number | null }).key;
  const gapsBeforeMs = Math.max(timeOfKey(aged), tooLarge && first !== null ? timeOfKey(first) : 0);
  for (const { id } of db.prepare('SELECT id FROM series').all()) {
    // Both bounds: the key of the table is (series, from_time), so this reads no gap that stays.
    db.prepare('DELETE FROM gap WHERE series = ? AND from_time < ? AND to_time < ?').run(
      id ?? 0,
      gapsBeforeMs,
      gapsBeforeMs,
    );
  }
  return { deleted: row.n, untaken, losers, more: row.n === CHUNK || taken === undefined };
}

/** More need not be looked at: the list of late ones has no order by key, and an import of years fills it with millions. */
const MOST_LATE_COUNTED = 10_000;

/** Consumers that add up look at whole minutes again. */
const MINUTE_MS = 60_000;

/**
 * Keys below may go by age: all consumers have them, ahead and late ones. A server that is away for longer than readings are
 * kept gets them when it is back, as long as the size allows.
 * @param required a consumer without which nothing may go
 * @returns undefined where that cannot be told
 */
function takenKey(db: DatabaseSync, required: string | undefined): number | undefined {
  const isThere = (name: string) => db.prepare('SELECT 1 FROM cursor WHERE consumer = ?').get(name) !== undefined;
  if (required !== undefined && !isThere(required)) return undefined;
  const cursor = db.prepare('SELECT min(key) AS key, min(late) AS late FROM cursor').get();
  if (cursor?.key === null || cursor === undefined) return Number.MAX_SAFE_INTEGER;
  const late = db
    .prepare('SELECT min(key) AS first, count(*) AS n FROM (SELECT key FROM late WHERE seq > ? ORDER BY seq LIMIT ?)')
    .get(cursor.late ?? 0, MOST_LATE_COUNTED + 1) as { first: number | null; n: number };
  if (late.n > MOST_LATE_COUNTED) return undefined;
  const lateMs = late.first === null ? undefined : timeOfKey(late.first);
  return Math.min(
    Number(cursor.key),
    lateMs === undefined ? Number.MAX_SAFE_INTEGER : firstKeyAt(lateMs - (lateMs % MINUTE_MS)),
  );
}

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

/** Those who had not come to a key, or not to all that came late. */
function consumersBefore(db: DatabaseSync, key: number): string[] {
  const rows = db
    .prepare(
      `SELECT consumer FROM cursor WHERE key < ? OR late < (SELECT coalesce(max(seq), 0) FROM late) ORDER BY consumer`,
    )
    .all(key);
  return rows.map(({ consumer }) => String(consumer));
}
