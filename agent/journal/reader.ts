import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type Gap, type Reading, type Series, seriesKey } from '../readings/reading.ts';
import type { Position } from './cursors.ts';
import { openForReading } from './database.ts';
import { firstKeyAt, SERIES_SLOTS, seriesOfKey, timeOfKey } from './keys.ts';
import { type LayoutField, unpack } from './packing.ts';
import { RUNTIME_DIRECTORY_KEY } from './runtime-directory.ts';
import { State } from './state.ts';
import { type Entry, TAIL_NAME, Tail } from './tail.ts';

export interface Range {
  /** UTC ms, included. */
  fromMs: number;
  /** UTC ms, excluded. */
  toMs: number;
  meter?: string | undefined;
}

export interface JournalCounts {
  /** Readings on disk; those since the last commit are not among them. */
  readings: number;
  gaps: number;
  fromMs: number | null;
  toMs: number | null;
}

const WINDOW_MS = 3_600_000;

interface ReadingRow {
  key: number;
  layout: number;
  data: Uint8Array;
}

interface GapRow {
  series: number;
  from_time: number;
  to_time: number;
  cause: Gap['cause'];
}

/** Reads a journal, also while a collector writes it: what is not committed yet is taken from its tail. */
export class JournalReader {
  readonly #db: DatabaseSync;
  readonly #layouts = new Map<number, LayoutField[]>();
  readonly #series = new Map<number, Series>();

  constructor(stateDir: string) {
    this.#db = openForReading(stateDir);
  }

  /** Readings of a time range, ordered by time, then meter. */
  readings(range: Range): Reading[] {
    // Tail first, then database: an entry committed in between is seen twice and merged, never missed.
    const tail = this.#tail();
    const found = new Map<string, Reading>();
    const add = (reading: Reading) => {
      const key = `${seriesKey(reading.series)}${reading.timeMs}`;
      if (inRange(reading.timeMs, reading.series, range) && !found.has(key)) found.set(key, reading);
    };
    const rows = this.#db.prepare('SELECT key, layout, data FROM reading WHERE key >= ? AND key < ? ORDER BY key');
    for (const row of rows.iterate(firstKeyAt(range.fromMs), firstKeyAt(range.toMs))) {
      const { key } = row as unknown as ReadingRow;
      if (range.meter !== undefined && this.#seriesOf(seriesOfKey(key)).meter !== range.meter) continue;
      add(this.#reading(row as unknown as ReadingRow));
    }
    for (const entry of tail) if (entry.kind === 'reading') add(entry.reading);
    return [...found.values()].sort((a, b) => a.timeMs - b.timeMs || (a.series.meter < b.series.meter ? -1 : 1));
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

  /** Gaps that touch a time range, ordered by time; those of the tail follow the committed ones. */
  gaps(range: Range): Gap[] {
    const tail = this.#tail();
    const rows = this.#db
      .prepare(
        'SELECT series, from_time, to_time, cause FROM gap WHERE to_time >= ? AND from_time < ? ORDER BY from_time',
      )
      .all(range.fromMs, range.toMs) as unknown as GapRow[];
    const gaps = rows
      .map((row) => this.#gap(row))
      .filter((gap) => range.meter === undefined || gap.series.meter === range.meter);
    for (const entry of tail) {
      if (entry.kind !== 'gap' || !inRange(entry.gap.fromMs, entry.gap.series, range)) continue;
      const { series, fromMs, toMs } = entry.gap;
      const covers = (other: Gap) =>
        seriesKey(other.series) === seriesKey(series) && other.fromMs <= fromMs && toMs <= other.toMs;
      if (!gaps.some(covers)) gaps.push(entry.gap);
    }
    return gaps;
  }

  /**
   * What a consumer takes next: readings beyond its position, oldest first, then what arrived late behind it. Each comes with
   * the position that taking it, and all before it, means.
   */
  after(position: Position, limit: number): { reading: Reading; position: Position }[] {
    const taken: { reading: Reading; position: Position }[] = [];
    let { key, late } = position;
    const lastLate = Number(this.#db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM late').get()?.seq ?? 0);
    const lateRows = this.#db
      .prepare(
        `SELECT l.seq, r.key, r.layout, r.data FROM late l JOIN reading r ON r.key = l.key
         WHERE l.seq > ? AND l.key <= ? ORDER BY l.seq LIMIT ?`,
      )
      .all(late, key, limit) as unknown as (ReadingRow & { seq: number })[];
    for (const row of lateRows) {
      late = row.seq;
      taken.push({ reading: this.#reading(row), position: { key, late } });
    }
    if (taken.length === limit) return taken;
    // What is late but lies ahead of the position comes in its order below.
    late = Math.max(late, lastLate);
    const rows = this.#db
      .prepare('SELECT key, layout, data FROM reading WHERE key > ? ORDER BY key LIMIT ?')
      .all(key, limit - taken.length) as unknown as ReadingRow[];
    for (const row of rows) {
      key = row.key;
      taken.push({ reading: this.#reading(row), position: { key, late } });
    }
    return taken;
  }

  /** The newest reading of a series, or undefined. */
  latest(series: Series): Reading | undefined {
    const id = this.#idOf(series);
    if (id === undefined) return undefined;
    // Between two gaps a series has readings at each point: a search that goes from gap to gap is short, also for a meter
    // that has been dead for a year beside others that are not.
    let beforeKey = Number.MAX_SAFE_INTEGER;
    const gaps = this.#db.prepare('SELECT from_time, to_time FROM gap WHERE series = ? ORDER BY from_time DESC');
    const newest = this.#db.prepare(
      `SELECT key, layout, data FROM reading WHERE key >= ? AND key < ? AND key % ${SERIES_SLOTS} = ? ORDER BY key DESC LIMIT 1`,
    );
    for (const gap of [...(gaps.all(id) as unknown as GapRow[]), { from_time: 0, to_time: 0 }]) {
      const row = newest.get(firstKeyAt(gap.to_time), beforeKey, id) as unknown as ReadingRow | undefined;
      if (row) return this.#reading(row);
      beforeKey = firstKeyAt(gap.from_time);
    }
    return undefined;
  }

  /** The last grid point of a series that is known, as a reading or as a gap; undefined for a new series. */
  lastKnownMs(series: Series): number | undefined {
    const id = this.#idOf(series);
    if (id === undefined) return undefined;
    const gap = this.#db.prepare('SELECT to_time FROM gap WHERE series = ? ORDER BY from_time DESC LIMIT 1').get(id);
    const known = Math.max(this.latest(series)?.timeMs ?? 0, Number(gap?.to_time ?? 0));
    return known > 0 ? known : undefined;
  }

  /** How much there is on disk. */
  counts(): JournalCounts {
    const { readings, gaps } = this.#db
      .prepare('SELECT (SELECT count(*) FROM reading) AS readings, (SELECT count(*) FROM gap) AS gaps')
      .get() as { readings: number; gaps: number };
    const { first, last } = this.#ends();
    return {
      readings,
      gaps,
      fromMs: first === null ? null : timeOfKey(first),
      toMs: last === null ? null : timeOfKey(last),
    };
  }

  /** Where the running collector keeps its tail and its status. */
  runtimeDirectory(): string | undefined {
    const path = new State(this.#db).load(RUNTIME_DIRECTORY_KEY);
    return typeof path === 'string' ? path : undefined;
  }

  close(): void {
    this.#db.close();
  }

  #ends(): { first: number | null; last: number | null } {
    return this.#db
      .prepare('SELECT (SELECT min(key) FROM reading) AS first, (SELECT max(key) FROM reading) AS last')
      .get() as { first: number | null; last: number | null };
  }

  /** Before the first and after the last reading there is nothing to look for. */
  #bounds(): { fromMs: number; toMs: number } {
    const times = this.#tail().flatMap((entry) => (entry.kind === 'reading' ? [entry.reading.timeMs] : []));
    const { first, last } = this.#ends();
    if (first !== null && last !== null) times.push(timeOfKey(first), timeOfKey(last));
    return { fromMs: Math.min(...times), toMs: Math.max(...times) + 1 };
  }

  #tail(): Entry[] {
    const directory = this.runtimeDirectory();
    return directory === undefined ? [] : Tail.read(join(directory, TAIL_NAME));
  }

  #reading({ key, layout, data }: ReadingRow): Reading {
    return {
      series: this.#seriesOf(seriesOfKey(key)),
      timeMs: timeOfKey(key),
      values: unpack(this.#layout(layout), data),
    };
  }

  #gap({ series, from_time, to_time, cause }: GapRow): Gap {
    return { series: this.#seriesOf(series), fromMs: from_time, toMs: to_time, cause };
  }

  #idOf({ measurement, meter, model }: Series): number | undefined {
    const row = this.#db
      .prepare('SELECT id FROM series WHERE measurement = ? AND meter = ? AND model = ?')
      .get(measurement, meter, model);
    return row && Number(row.id);
  }

  #seriesOf(id: number): Series {
    let series = this.#series.get(id);
    if (!series) {
      series = {
        ...this.#db.prepare('SELECT measurement, meter, model FROM series WHERE id = ?').get(id),
      } as unknown as Series;
      this.#series.set(id, series);
    }
    return series;
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
