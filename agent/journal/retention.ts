import type { DatabaseSync } from 'node:sqlite';

export interface RetentionLimits {
  /** Readings older than this go; undefined keeps them for ever. */
  maxAgeMs?: number | undefined;
  /** Bytes that the journal's data may take; undefined sets no bound. */
  maxBytes?: number | undefined;
}

export interface RetentionResult {
  deleted: number;
  /** Deleted readings that some consumer had not taken yet: lost to it. */
  untaken: number;
}

/** Rows in one transaction: short enough that the collector's second is not disturbed. */
const CHUNK = 2000;

function usedBytes(db: DatabaseSync): number {
  const number = (name: string) => Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
  return (number('page_count') - number('freelist_count')) * number('page_size');
}

/**
 * Deletes the oldest readings beyond the limits, at most one chunk a call. The newest reading always stays: sequence
 * numbers must never start over. Freed pages are used again, so the file stops growing instead of shrinking.
 */
export function applyRetention(db: DatabaseSync, limits: RetentionLimits, nowMs: number): RetentionResult {
  const newest = (db.prepare('SELECT max(seq) AS seq FROM reading').get() as { seq: number | null }).seq;
  if (newest === null) return { deleted: 0, untaken: 0 };
  const tooLarge = limits.maxBytes !== undefined && usedBytes(db) > limits.maxBytes;
  const oldestKeptMs = limits.maxAgeMs === undefined ? undefined : nowMs - limits.maxAgeMs;
  const last = db
    .prepare(
      'SELECT max(seq) AS seq FROM (SELECT seq, time FROM reading WHERE seq < ? ORDER BY seq LIMIT ?) WHERE ? OR time < ?',
    )
    .get(newest, CHUNK, tooLarge ? 1 : 0, oldestKeptMs ?? Number.MIN_SAFE_INTEGER) as { seq: number | null };
  if (last.seq === null) return { deleted: 0, untaken: 0 };
  const slowest = (db.prepare('SELECT min(seq) AS seq FROM cursor').get() as { seq: number | null }).seq;
  const { untaken } = db
    .prepare('SELECT count(*) AS untaken FROM reading WHERE seq <= ? AND seq > ?')
    .get(last.seq, slowest ?? last.seq) as {
    untaken: number;
  };
  const { changes } = db.prepare('DELETE FROM reading WHERE seq <= ?').run(last.seq);
  if (oldestKeptMs !== undefined) db.prepare('DELETE FROM gap WHERE to_time < ?').run(oldestKeptMs);
  return { deleted: Number(changes), untaken };
}
