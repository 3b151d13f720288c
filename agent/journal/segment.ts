import type { DatabaseSync } from 'node:sqlite';
import { firstKeyAt, SERIES_SLOTS, seriesOfKey } from './keys.ts';

export const DAY_MS = 86_400_000;
/** More than the longest row. */
const PIECE_BYTES = 256 * 1024;
const ROW_HEADER_BYTES = 12;

/** A UTC day of the journal, and a mark that each change makes another. */
export interface JournalDay {
  /** Since 1970-01-01. */
  day: number;
  mark: number;
}

/** The days that have, or had, readings or gaps; oldest first. */
export function journalDays(db: DatabaseSync): JournalDay[] {
  return db.prepare('SELECT day, mark FROM day ORDER BY day').all() as unknown as JournalDay[];
}

export interface Span {
  /** UTC ms, included. */
  fromMs: number;
  /** UTC ms, excluded. */
  toMs: number;
}

/** Committed readings of a span, by measurement. */
export function countReadings(db: DatabaseSync, { fromMs, toMs }: Span): Record<string, number> {
  const counts: Record<string, number> = {};
  const rows = db
    .prepare(
      `SELECT series.measurement, count(*) AS n FROM reading JOIN series ON series.id = reading.key % ${SERIES_SLOTS}
       WHERE key >= ? AND key < ? GROUP BY series.measurement ORDER BY series.measurement`,
    )
    .all(firstKeyAt(fromMs), firstKeyAt(toMs));
  for (const { measurement, n } of rows) counts[String(measurement)] = Number(n);
  return counts;
}

/**
 * The committed readings and gaps of a span, in pieces: a line of JSON, `{"from": ms, "to": ms, "series": [[id, measurement,
 * meter, model], ...], "layouts": [[id, fields], ...], "gaps": [[series, from ms, to ms, cause], ...]}`, then each reading as
 * 48 bits of ms since the span's beginning, 16 bits each of its series, its layout and its length (all little-endian), and
 * its bytes (packing.ts).
 */
export function* segment(db: DatabaseSync, { fromMs, toMs }: Span): Generator<Buffer> {
  const rows = (sql: string, ...parameters: number[]) =>
    db
      .prepare(sql)
      .all(...parameters)
      .map((row) => Object.values(row));
  const gaps = rows(
    'SELECT series, from_time, to_time, cause FROM gap WHERE from_time >= ? AND from_time < ? ORDER BY from_time, series',
    fromMs,
    toMs,
  );
  // Only what is used here: a meter, or a layout, that is new elsewhere makes this no other segment.
  const [fromKey, toKey] = [firstKeyAt(fromMs), firstKeyAt(toMs)];
  const series = rows(
    `SELECT id, measurement, meter, model FROM series WHERE id IN (
       SELECT key % ${SERIES_SLOTS} FROM reading WHERE key >= ? AND key < ?
       UNION SELECT series FROM gap WHERE from_time >= ? AND from_time < ?) ORDER BY id`,
    ...[fromKey, toKey, fromMs, toMs],
  );
  const layouts = rows(
    'SELECT id, fields FROM layout WHERE id IN (SELECT layout FROM reading WHERE key >= ? AND key < ?) ORDER BY id',
    ...[fromKey, toKey],
  );
  yield Buffer.from(`${JSON.stringify({ from: fromMs, to: toMs, series, layouts, gaps })}\n`);
  const readings = db.prepare('SELECT key, layout, data FROM reading WHERE key >= ? AND key < ? ORDER BY key');
  // One buffer for many rows: a pair of buffers for each would wait for the garbage collection by the ten thousand.
  let piece = Buffer.allocUnsafe(PIECE_BYTES);
  let at = 0;
  for (const row of readings.iterate(firstKeyAt(fromMs), firstKeyAt(toMs))) {
    const { key, layout, data } = row as unknown as { key: number; layout: number; data: Uint8Array };
    if (at + ROW_HEADER_BYTES + data.length > PIECE_BYTES) {
      yield piece.subarray(0, at);
      piece = Buffer.allocUnsafe(PIECE_BYTES);
      at = 0;
    }
    piece.writeUIntLE(Math.floor(key / SERIES_SLOTS) - fromMs, at, 6);
    piece.writeUInt16LE(seriesOfKey(key), at + 6);
    piece.writeUInt16LE(layout, at + 8);
    piece.writeUInt16LE(data.length, at + 10);
    piece.set(data, at + ROW_HEADER_BYTES);
    at += ROW_HEADER_BYTES + data.length;
  }
  if (at > 0) yield piece.subarray(0, at);
}
