import type { DatabaseSync } from 'node:sqlite';
import { type Gap, type Reading, type Series, seriesKey } from '../readings/reading.ts';
import type { ClockStamp } from '../system/clock.ts';
import { openForReading } from './database.ts';
import type { Entry } from './entry.ts';
import { correctedMs, type HeldGroup, heldGroups, heldOfBoot } from './held.ts';
import { firstKeyAt, SERIES_SLOTS, seriesOfKey, timeOfKey } from './keys.ts';
import { type GapRow, type ReadingRow, Rows } from './rows.ts';
import { Waiting } from './waiting.ts';

export interface Range {
  /** UTC ms, included. */
  fromMs: number;
  /** UTC ms, excluded. */
  toMs: number;
  meter?: string | undefined;
}

export interface JournalCounts {
  readings: number;
  gaps: number;
  fromMs: number | null;
  toMs: number | null;
}

const WINDOW_MS = 3_600_000;

/** Reads a journal, also while a collector writes it: what is not committed yet is taken from its tail and spool. */
export class JournalReader {
  readonly #db: DatabaseSync;
  readonly #rows: Rows;
  readonly #waiting: Waiting;

  constructor(stateDir: string) {
    this.#db = openForReading(stateDir);
    this.#rows = new Rows(this.#db);
    this.#waiting = new Waiting(stateDir, this.#db);
  }

  /** Readings of a time range, ordered by time, then meter. */
  readings(range: Range): Reading[] {
    return this.#merged(range, this.#waiting.entries());
  }

  #merged(range: Range, waiting: readonly Entry[]): Reading[] {
    const found = new Map<string, Reading>();
    const add = (reading: Reading) => {
      const key = `${seriesKey(reading.series)}${reading.timeMs}`;
      if (inRange(reading.timeMs, reading.series, range) && !found.has(key)) found.set(key, reading);
    };
    const rows = this.#db.prepare('SELECT key, layout, data FROM reading WHERE key >= ? AND key < ? ORDER BY key');
    for (const row of rows.iterate(firstKeyAt(range.fromMs), firstKeyAt(range.toMs))) {
      const { key } = row as unknown as ReadingRow;
      if (range.meter !== undefined && this.#rows.series(seriesOfKey(key)).meter !== range.meter) continue;
      add(this.#rows.reading(row as unknown as ReadingRow));
    }
    for (const entry of waiting) if (entry.kind === 'reading') add(entry.reading);
    return [...found.values()].sort((a, b) => a.timeMs - b.timeMs || (a.series.meter < b.series.meter ? -1 : 1));
  }

  /** Like readings(), an hour at a time: a range of years costs the memory of an hour. */
  *each(range: Range): Generator<Reading> {
    const waiting = this.#waiting.entries();
    const { fromMs, toMs } = this.#bounds(range, waiting);
    const waitingMs = readingTimes(waiting);
    const next = this.#db.prepare('SELECT min(key) AS key FROM reading WHERE key >= ?');
    for (let startMs = fromMs; startMs < toMs; ) {
      // Years without readings are stepped over.
      const { key } = next.get(firstKeyAt(startMs)) as { key: number | null };
      const nextMs = Math.min(key === null ? toMs : timeOfKey(key), ...waitingMs.filter((timeMs) => timeMs >= startMs));
      startMs = Math.max(startMs, nextMs);
      const endMs = Math.min(startMs + WINDOW_MS, toMs);
      if (startMs < endMs) yield* this.#merged({ ...range, fromMs: startMs, toMs: endMs }, waiting);
      startMs = endMs;
    }
  }

  /** Gaps that touch a time range, ordered by time; those that are not committed yet follow the others. */
  gaps(range: Range): Gap[] {
    const waiting = this.#waiting.entries();
    const rows = this.#db
      .prepare(
        'SELECT series, from_time, to_time, cause FROM gap WHERE to_time >= ? AND from_time < ? ORDER BY from_time',
      )
      .all(range.fromMs, range.toMs) as unknown as GapRow[];
    const gaps = rows
      .map((row) => this.#rows.gap(row))
      .filter((gap) => range.meter === undefined || gap.series.meter === range.meter);
    const covered = (gap: Gap) =>
      gaps.some((other) => sameSeries(other, gap) && other.fromMs <= gap.fromMs && gap.toMs <= other.toMs);
    const uncommitted = joinedGaps(waiting).filter(
      (gap) =>
        gap.toMs >= range.fromMs &&
        gap.fromMs < range.toMs &&
        (range.meter === undefined || gap.series.meter === range.meter) &&
        !covered(gap),
    );
    return [...gaps, ...uncommitted];
  }

  /** The newest reading of a series, or undefined. */
  latest(series: Series): Reading | undefined {
    const id = this.#rows.idOf(series);
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
      if (row) return this.#rows.reading(row);
      beforeKey = firstKeyAt(gap.from_time);
    }
    return undefined;
  }

  /** The last grid point of a series that is known, as a reading or as a gap; undefined for a new series. */
  lastKnownMs(series: Series): number | undefined {
    const id = this.#rows.idOf(series);
    if (id === undefined) return undefined;
    const gap = this.#db.prepare('SELECT to_time FROM gap WHERE series = ? ORDER BY from_time DESC LIMIT 1').get(id);
    const known = Math.max(this.latest(series)?.timeMs ?? 0, Number(gap?.to_time ?? 0));
    return known > 0 ? known : undefined;
  }

  /** The last point of a series that is held of this boot, by the clock as it goes now: UTC ms. */
  lastHeldMs(series: Series, clock: ClockStamp): number | undefined {
    const held = [...heldOfBoot(this.#db, clock.boot), ...this.#waiting.held()];
    let lastMs: number | undefined;
    for (const entry of held) {
      if (entry.held?.boot !== clock.boot) continue;
      const [of, timeMs] = entry.kind === 'gap' ? [entry.gap, entry.gap.toMs] : [entry.reading, entry.reading.timeMs];
      if (!sameSeries(of, { series })) continue;
      lastMs = Math.max(lastMs ?? 0, correctedMs(timeMs, entry.held, clock.offsetMs));
    }
    return lastMs;
  }

  /** What is held because its time is not known, or its second is taken; oldest first. */
  held(): HeldGroup[] {
    return heldGroups(this.#db, this.#waiting.held()).filter(({ readings }) => readings > 0);
  }

  /** Names of the values that there are readings with, of any series. */
  names(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const { fields } of this.#db.prepare('SELECT fields FROM layout').all() as { fields: string }[]) {
      for (const [name] of JSON.parse(fields) as [string, number | null][]) names.add(name);
    }
    for (const entry of this.#waiting.entries()) {
      if (entry.kind === 'reading') for (const name in entry.reading.values) names.add(name);
    }
    return names;
  }

  /** How much there is, with what is not committed yet and follows what is. */
  counts(): JournalCounts {
    const waiting = this.#waiting.entries();
    const { readings, gaps } = this.#db
      .prepare('SELECT (SELECT count(*) FROM reading) AS readings, (SELECT count(*) FROM gap) AS gaps')
      .get() as { readings: number; gaps: number };
    const { first, last } = this.#ends();
    const lastMs = last === null ? Number.NEGATIVE_INFINITY : timeOfKey(last);
    const newer = readingTimes(waiting).filter((timeMs) => timeMs > lastMs);
    const times = [...(first === null || last === null ? [] : [timeOfKey(first), lastMs]), ...newer];
    return {
      readings: readings + newer.length,
      gaps: gaps + joinedGaps(waiting).filter((gap) => gap.fromMs > lastMs).length,
      fromMs: times.length === 0 ? null : Math.min(...times),
      toMs: times.length === 0 ? null : Math.max(...times),
    };
  }

  /** Where the running collector keeps its tail and its status. */
  runtimeDirectory(): string | undefined {
    return this.#waiting.runtimeDirectory();
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
  #bounds(range: Range, waiting: readonly Entry[]): { fromMs: number; toMs: number } {
    const times = readingTimes(waiting);
    const { first, last } = this.#ends();
    if (first !== null && last !== null) times.push(timeOfKey(first), timeOfKey(last));
    return { fromMs: Math.max(range.fromMs, Math.min(...times)), toMs: Math.min(range.toMs, Math.max(...times) + 1) };
  }
}

function readingTimes(entries: readonly Entry[]): number[] {
  return entries.flatMap((entry) => (entry.kind === 'reading' ? [entry.reading.timeMs] : []));
}

function sameSeries(a: { series: Series }, b: { series: Series }): boolean {
  return seriesKey(a.series) === seriesKey(b.series);
}

/** Gaps of entries in their order; those of a series that follow one another for one cause are one. */
function joinedGaps(entries: readonly Entry[]): Gap[] {
  const gaps: Gap[] = [];
  const open = new Map<string, Gap>();
  for (const entry of entries) {
    if (entry.kind === 'reading') {
      open.delete(seriesKey(entry.reading.series));
      continue;
    }
    const last = open.get(seriesKey(entry.gap.series));
    if (last?.cause === entry.gap.cause) {
      last.toMs = Math.max(last.toMs, entry.gap.toMs);
      continue;
    }
    const gap = { ...entry.gap };
    gaps.push(gap);
    open.set(seriesKey(gap.series), gap);
  }
  return gaps;
}

function inRange(timeMs: number, series: Series, range: Range): boolean {
  return timeMs >= range.fromMs && timeMs < range.toMs && (range.meter === undefined || series.meter === range.meter);
}
