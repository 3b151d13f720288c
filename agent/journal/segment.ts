import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { firstKeyAt, SERIES_SLOTS, seriesOfKey } from './keys.ts';

export const DAY_MS = 86_400_000;
const ROWS_A_PIECE = 5000;
const ROW_HEADER_BYTES = 12;

/** A UTC day of the journal, and how often it has been changed. */
export interface JournalDay {
  /** Since 1970-01-01. */
  day: number;
  changes: number;
}

/** The days that have, or had, readings or gaps; oldest first. */
export function journalDays(db: DatabaseSync): JournalDay[] {
  return db.prepare('SELECT day, changes FROM day ORDER BY day').all() as unknown as JournalDay[];
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
  const series = rows('SELECT id, measurement, meter, model FROM series ORDER BY id');
  const layouts = rows('SELECT id, fields FROM layout ORDER BY id');
  yield Buffer.from(`${JSON.stringify({ from: fromMs, to: toMs, series, layouts, gaps })}\n`);
  const next = db.prepare('SELECT key, layout, data FROM reading WHERE key > ? AND key < ? ORDER BY key LIMIT ?');
  for (let after = firstKeyAt(fromMs) - 1; ; ) {
    const { piece, lastKey } = packRows(next, { fromMs, toMs }, after);
    if (lastKey === undefined) return;
    yield piece;
    after = lastKey;
  }
}

function packRows(
  next: StatementSync,
  { fromMs, toMs }: Span,
  after: number,
): { piece: Buffer; lastKey: number | undefined } {
  const parts: Uint8Array[] = [];
  let lastKey: number | undefined;
  for (const row of next.all(after, firstKeyAt(toMs), ROWS_A_PIECE)) {
    const { key, layout, data } = row as unknown as { key: number; layout: number; data: Uint8Array };
    const header = Buffer.alloc(ROW_HEADER_BYTES);
    header.writeUIntLE(Math.floor(key / SERIES_SLOTS) - fromMs, 0, 6);
    header.writeUInt16LE(seriesOfKey(key), 6);
    header.writeUInt16LE(layout, 8);
    header.writeUInt16LE(data.length, 10);
    parts.push(header, data);
    lastKey = key;
  }
  return { piece: Buffer.concat(parts), lastKey };
}
