import type { DatabaseSync } from 'node:sqlite';
import type { Reading } from '../readings/reading.ts';
import type { Entry } from './entry.ts';
import { firstKeyAt, SERIES_SLOTS } from './keys.ts';
import type { ReadingRow } from './rows.ts';

export interface NewestOf {
  measurement: string;
  meter: string;
  /** UTC ms, included. */
  fromMs: number;
  /** UTC ms, excluded. */
  toMs: number;
}

/**
 * The newest readings of a meter in a range, whatever its model, oldest first.
 * @param waiting what is not in the database yet
 * @param readingIn undefined for a row that is not as it was written
 */
export function newestReadings(
  db: DatabaseSync,
  waiting: readonly Entry[],
  readingIn: (row: ReadingRow) => Reading | undefined,
  { measurement, meter, fromMs, toMs }: NewestOf,
  most: number,
): Reading[] {
  const found = new Map<number, Reading>();
  for (const entry of waiting) {
    if (entry.kind !== 'reading') continue;
    const { series, timeMs } = entry.reading;
    const isAsked = series.measurement === measurement && series.meter === meter && timeMs >= fromMs && timeMs < toMs;
    if (isAsked) found.set(timeMs, entry.reading);
  }
  const ids = db.prepare('SELECT id FROM series WHERE measurement = ? AND meter = ?').all(measurement, meter);
  const own = ids.map(({ id }) => Number(id)).join(',');
  const sql = `SELECT key, layout, data FROM reading WHERE key >= ? AND key < ? AND key % ${SERIES_SLOTS} IN (${own}) ORDER BY key DESC`;
  // Of a meter that was never read there is nothing to look for in all the others' readings.
  const rows = ids.length === 0 ? [] : db.prepare(sql).iterate(firstKeyAt(fromMs), firstKeyAt(toMs));
  let left = most;
  for (const row of rows) {
    const reading = readingIn(row as unknown as ReadingRow);
    if (!reading) continue;
    found.set(reading.timeMs, reading);
    if (--left === 0) break;
  }
  return [...found.values()].sort((a, b) => a.timeMs - b.timeMs).slice(-most);
}
