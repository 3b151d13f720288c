import type { DatabaseSync } from 'node:sqlite';
import { firstKeyAt, SERIES_SLOTS, seriesOfKey, timeOfKey } from '../journal/keys.ts';
import { GRID_LEVELS, type GridLevel } from './levels.ts';
import type { PackedField } from './packing.ts';
import type { Period } from './periods.ts';

const ROW_HEADER_BYTES = 13;
const PIECE_BYTES = 256 * 1024;

/** A UTC day of the history, and a mark that each change makes another. */
export interface HistoryDay {
  /** Since 1970-01-01. */
  day: number;
  mark: number;
}

/** The first line of a segment. */
export interface HistoryHead {
  /** UTC ms. */
  from: number;
  /** UTC ms, excluded. */
  to: number;
  /** Id, measurement, meter, model. */
  series: [number, string, string, string][];
  /** Id, fields (packing.ts). */
  layouts: [number, PackedField[]][];
}

/** A packed roll-up of a segment. */
export interface HistoryRow {
  level: GridLevel;
  startMs: number;
  /** Ids of the head. */
  series: number;
  layout: number;
  data: Uint8Array;
}

/** The days that have, or had, roll-ups; oldest first. */
export function historyDays(db: DatabaseSync): HistoryDay[] {
  return db.prepare('SELECT day, mark FROM mark ORDER BY day').all() as unknown as HistoryDay[];
}

/** Is there no roll-up that begins in a span? */
export function isEmptySegment(db: DatabaseSync, { fromMs, toMs }: Period): boolean {
  return GRID_LEVELS.every(
    (level) =>
      db
        .prepare(`SELECT 1 FROM ${level} WHERE key >= ? AND key < ? LIMIT 1`)
        .get(firstKeyAt(fromMs), firstKeyAt(toMs)) === undefined,
  );
}

/**
 * The roll-ups that begin in a span, in pieces: a line of JSON (HistoryHead), then each as its level (0 minute, 1 quarter,
 * 2 hour; a byte), 48 bits of ms since the span's beginning, 16 bits each of its series, its layout and its length (all
 * little-endian), and its bytes (packing.ts). Days are made of hours again.
 */
export function* historySegment(db: DatabaseSync, { fromMs, toMs }: Period): Generator<Buffer> {
  const range = [firstKeyAt(fromMs), firstKeyAt(toMs)] as const;
  const used = (column: string) => {
    const each = GRID_LEVELS.map((level) => `SELECT ${column} AS id FROM ${level} WHERE key >= ?1 AND key < ?2`);
    return db
      .prepare(each.join(' UNION '))
      .all(...range)
      .map(({ id }) => Number(id));
  };
  const series = db
    .prepare(
      `SELECT id, measurement, meter, model FROM series WHERE id IN (${used(`key % ${SERIES_SLOTS}`).join(',')}) ORDER BY id`,
    )
    .all()
    .map((row) => Object.values(row));
  const layouts = db
    .prepare(`SELECT id, fields FROM layout WHERE id IN (${used('layout').join(',')}) ORDER BY id`)
    .all()
    .map(({ id, fields }) => [id, JSON.parse(String(fields))]);
  yield Buffer.from(`${JSON.stringify({ from: fromMs, to: toMs, series, layouts })}\n`);
  // One buffer for many rows: a pair of buffers for each would wait for the garbage collection by the ten thousand.
  let piece = Buffer.allocUnsafe(PIECE_BYTES);
  let at = 0;
  for (const [level, name] of GRID_LEVELS.entries()) {
    const rows = db.prepare(`SELECT key, layout, data FROM ${name} WHERE key >= ? AND key < ? ORDER BY key`);
    for (const row of rows.iterate(...range)) {
      const { key, layout, data } = row as unknown as { key: number; layout: number; data: Uint8Array };
      if (at + ROW_HEADER_BYTES + data.length > PIECE_BYTES) {
        yield piece.subarray(0, at);
        piece = Buffer.allocUnsafe(PIECE_BYTES);
        at = 0;
      }
      piece.writeUInt8(level, at);
      piece.writeUIntLE(timeOfKey(key) - fromMs, at + 1, 6);
      piece.writeUInt16LE(seriesOfKey(key), at + 7);
      piece.writeUInt16LE(layout, at + 9);
      piece.writeUInt16LE(data.length, at + 11);
      piece.set(data, at + ROW_HEADER_BYTES);
      at += ROW_HEADER_BYTES + data.length;
    }
  }
  if (at > 0) yield piece.subarray(0, at);
}

/**
 * What is in a segment.
 * @param bytes all of it
 * @throws RangeError or SyntaxError when it is cut or is none
 */
export function readHistorySegment(bytes: Buffer): { head: HistoryHead; rows: () => Generator<HistoryRow> } {
  const end = bytes.indexOf(10);
  const head = JSON.parse(bytes.subarray(0, Math.max(0, end)).toString()) as HistoryHead;
  return {
    head,
    *rows() {
      for (let at = end + 1; at < bytes.length; ) {
        const next = at + ROW_HEADER_BYTES + bytes.readUInt16LE(at + 11);
        const level = GRID_LEVELS[bytes.readUInt8(at)];
        if (next > bytes.length || level === undefined) throw new RangeError('a segment of the history that is cut');
        yield {
          level,
          startMs: head.from + bytes.readUIntLE(at + 1, 6),
          series: bytes.readUInt16LE(at + 7),
          layout: bytes.readUInt16LE(at + 9),
          data: bytes.subarray(at + ROW_HEADER_BYTES, next),
        };
        at = next;
      }
    },
  };
}
