import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Gap, Reading, Series } from '../readings/reading.ts';
import { seriesKey } from '../readings/reading.ts';
import { openForReading } from './database.ts';
import { RUNTIME_DIRECTORY_KEY, TAIL_NAME } from './journal.ts';
import { type LayoutField, unpack } from './packing.ts';
import { State } from './state.ts';
import { type Entry, Tail } from './tail.ts';

export interface Range {
  /** UTC ms, included. */
  fromMs: number;
  /** UTC ms, excluded. */
  toMs: number;
  meter?: string | undefined;
}

const WINDOW_MS = 3_600_000;

interface ReadingRow {
  seq: number;
  time: number;
  layout: number;
  data: Uint8Array;
  measurement: string;
  meter: string;
  model: string;
}

const SELECT_READING = `SELECT r.seq, r.time, r.layout, r.data, s.measurement, s.meter, s.model
  FROM reading r JOIN series s ON s.id = r.series`;

/** Reads a journal, also while a collector writes it: what is not committed yet is taken from its tail. */
export class JournalReader {
  readonly #db: DatabaseSync;
  readonly #layouts = new Map<number, LayoutField[]>();

  constructor(stateDir: string) {
    this.#db = openForReading(stateDir);
  }

  /** Readings of a time range, ordered by time, then meter. */
  readings(range: Range): Reading[] {
    // Tail first, then database: an entry committed in between is seen twice and merged, never missed.
    const tail = this.#tail();
    const found = new Map<string, Reading>();
    const rows = this.#db
      .prepare(`${SELECT_READING} WHERE r.time >= ? AND r.time < ? AND (? IS NULL OR s.meter = ?) ORDER BY r.time`)
      .all(range.fromMs, range.toMs, range.meter ?? null, range.meter ?? null) as unknown as ReadingRow[];
    for (const row of rows) {
      const reading = this.#reading(row);
      found.set(`${seriesKey(reading.series)}${reading.timeMs}`, reading);
    }
    for (const entry of tail) {
      if (entry.kind !== 'reading' || !inRange(entry.reading.timeMs, entry.reading.series, range)) continue;
      const key = `${seriesKey(entry.reading.series)}${entry.reading.timeMs}`;
      if (!found.has(key)) found.set(key, entry.reading);
    }
    return [...found.values()].sort((a, b) => a.timeMs - b.timeMs || a.series.meter.localeCompare(b.series.meter));
  }

  /** Like readings(), an hour at a time: a range of years costs the memory of an hour. */
  *each(range: Range): Generator<Reading> {
    const bounds = this.#bounds();
    const fromMs = Math.max(range.fromMs, bounds.fromMs);
    const toMs = Math.min(range.toMs, bounds.toMs);
    for (let startMs = fromMs; startMs < toMs; startMs += WINDOW_MS) {
      yield* this.readings({ ...range, fromMs: startMs, toMs: Math.min(startMs + WINDOW_MS, toMs) });
    }
  }

  /** Before the first and after the last reading there is nothing to look for. */
  #bounds(): { fromMs: number; toMs: number } {
    const times = this.#tail().flatMap((entry) => (entry.kind === 'reading' ? [entry.reading.timeMs] : []));
    const rows = this.#db
      .prepare(
        `SELECT (SELECT min(time) FROM reading WHERE series = s.id) AS first,
         (SELECT max(time) FROM reading WHERE series = s.id) AS last FROM series s`,
      )
      .all() as { first: number | null; last: number | null }[];
    for (const { first, last } of rows) times.push(...(first === null || last === null ? [] : [first, last]));
    return { fromMs: Math.min(...times), toMs: Math.max(...times) + 1 };
  }

  /** Gaps that touch a time range, ordered by time; those of the tail follow the committed ones. */
  gaps(range: Range): Gap[] {
    const tail = this.#tail();
    const rows = this.#db
      .prepare(
        `SELECT g.from_time, g.to_time, g.cause, s.measurement, s.meter, s.model FROM gap g JOIN series s ON s.id = g.series
         WHERE g.to_time >= ? AND g.from_time < ? AND (? IS NULL OR s.meter = ?) ORDER BY g.from_time`,
      )
      .all(range.fromMs, range.toMs, range.meter ?? null, range.meter ?? null) as unknown as {
      from_time: number;
      to_time: number;
      cause: Gap['cause'];
      measurement: string;
      meter: string;
      model: string;
    }[];
    const gaps = rows.map(
      ({ from_time, to_time, cause, ...series }): Gap => ({ series, fromMs: from_time, toMs: to_time, cause }),
    );
    for (const entry of tail) {
      if (entry.kind !== 'gap' || !inRange(entry.gap.fromMs, entry.gap.series, range)) continue;
      const { gap } = entry;
      const known = gaps.some(
        (other) => other.series.meter === gap.series.meter && other.fromMs <= gap.fromMs && gap.toMs <= other.toMs,
      );
      if (!known) gaps.push(gap);
    }
    return gaps;
  }

  /** Readings in the order of arrival after a sequence number: what a consumer with a cursor takes next. */
  after(seq: number, limit: number): { seq: number; reading: Reading }[] {
    const rows = this.#db
      .prepare(`${SELECT_READING} WHERE r.seq > ? ORDER BY r.seq LIMIT ?`)
      .all(seq, limit) as unknown as ReadingRow[];
    return rows.map((row) => ({ seq: row.seq, reading: this.#reading(row) }));
  }

  /** The newest reading of a series, or undefined. */
  latest(series: Series): Reading | undefined {
    const row = this.#db
      .prepare(`${SELECT_READING} WHERE s.measurement = ? AND s.meter = ? AND s.model = ? ORDER BY r.time DESC LIMIT 1`)
      .get(series.measurement, series.meter, series.model) as ReadingRow | undefined;
    return row && this.#reading(row);
  }

  /** The last grid point of a series that is known, as a reading or as a gap; undefined for a new series. */
  lastKnownMs(series: Series): number | undefined {
    const row = this.#db
      .prepare(
        `SELECT max((SELECT coalesce(max(time), 0) FROM reading WHERE series = s.id),
           (SELECT coalesce(max(to_time), 0) FROM gap WHERE series = s.id)) AS time
         FROM series s WHERE s.measurement = ? AND s.meter = ? AND s.model = ?`,
      )
      .get(series.measurement, series.meter, series.model) as { time: number } | undefined;
    return row && row.time > 0 ? row.time : undefined;
  }

  counts(): { readings: number; gaps: number; fromMs: number | null; toMs: number | null } {
    return this.#db
      .prepare(
        `SELECT (SELECT count(*) FROM reading) AS readings, (SELECT count(*) FROM gap) AS gaps,
         (SELECT min(time) FROM reading) AS fromMs, (SELECT max(time) FROM reading) AS toMs`,
      )
      .get() as { readings: number; gaps: number; fromMs: number | null; toMs: number | null };
  }

  /** Where the running collector keeps its tail and its status. */
  runtimeDirectory(): string | undefined {
    const path = new State(this.#db).load(RUNTIME_DIRECTORY_KEY);
    return typeof path === 'string' ? path : undefined;
  }

  close(): void {
    this.#db.close();
  }

  #tail(): Entry[] {
    const directory = this.runtimeDirectory();
    return directory === undefined ? [] : Tail.read(join(directory, TAIL_NAME));
  }

  #reading(row: ReadingRow): Reading {
    const { measurement, meter, model } = row;
    return {
      series: { measurement, meter, model },
      timeMs: row.time,
      values: unpack(this.#layout(row.layout), row.data),
    };
  }

  #layout(id: number): LayoutField[] {
    let layout = this.#layouts.get(id);
    if (!layout) {
      const row = this.#db.prepare('SELECT fields FROM layout WHERE id = ?').get(id) as { fields: string };
      layout = (JSON.parse(row.fields) as [string, number | null][]).map(([name, decimals]) => ({ name, decimals }));
      this.#layouts.set(id, layout);
    }
    return layout;
  }
}

function inRange(timeMs: number, series: Series, range: Range): boolean {
  return timeMs >= range.fromMs && timeMs < range.toMs && (range.meter === undefined || series.meter === range.meter);
}
