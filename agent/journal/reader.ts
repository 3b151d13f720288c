import type { DatabaseSync } from 'node:sqlite';
import { type Gap, type Reading, type Series, seriesKey } from '../readings/reading.ts';
import type { ClockStamp } from '../system/clock.ts';
import { countsOf, extentOf, type JournalCounts, type JournalExtent, keyEnds, readingTimes } from './counts.ts';
import { damageIn, requireOrder } from './damage.ts';
import { type Guarded, guardedReads } from './damage-note.ts';
import { openForReading } from './database.ts';
import type { Entry } from './entry.ts';
import { correctedMs, type HeldGroup, heldGroups, heldOfBoot } from './held.ts';
import { joinedGaps, sameSeries } from './joined-gaps.ts';
import { firstKeyAt, SERIES_SLOTS, seriesOfKey, timeOfKey } from './keys.ts';
import { newestReadings } from './newest.ts';
import { type GapRow, type ReadingRow, Rows } from './rows.ts';
import { type AsideReport, asideReports } from './salvage/reports.ts';
import { Waiting } from './waiting.ts';

export interface Range {
  /** UTC ms, included. */
  fromMs: number;
  /** UTC ms, excluded. */
  toMs: number;
  meter?: string | undefined;
  measurement?: string | undefined;
}

const WINDOW_MS = 3_600_000;
/** Where so many readings in a row are damaged, those before them are not looked for. */
const MOST_DAMAGED = 1000;

/** Reads a journal, also while a collector writes it: what is not committed yet is taken from its tail and spool. */
export class JournalReader {
  readonly #stateDir: string;
  readonly #db: DatabaseSync;
  readonly #rows: Rows;
  readonly #waiting: Waiting;
  readonly #guarded: Guarded;
  #damaged = 0;

  /** @throws AgentError, as all of its methods do when the file is damaged */
  constructor(stateDir: string) {
    this.#stateDir = stateDir;
    this.#guarded = guardedReads(stateDir, () => this.#waiting?.runtimeDirectory());
    this.#db = this.#guarded(() => openForReading(stateDir));
    this.#rows = new Rows(this.#db);
    this.#waiting = new Waiting(stateDir, this.#db);
  }

  /** Readings that were left out, so far, because they are not as they were written. */
  get damaged(): number {
    return this.#damaged;
  }

  /** Readings of a time range, ordered by time, then meter. */
  readings(range: Range): Reading[] {
    return this.#guarded(() => this.#merged(range, this.#waiting.entries()));
  }

  #merged(range: Range, waiting: readonly Entry[]): Reading[] {
    const found = new Map<string, Reading>();
    const add = (reading: Reading) => {
      const key = `${seriesKey(reading.series)}${reading.timeMs}`;
      if (inRange(reading.timeMs, reading.series, range) && !found.has(key)) found.set(key, reading);
    };
    // The end is not SQLite's to find: at a key in which a bit has flipped it would end before those that follow.
    const rows = this.#db.prepare('SELECT key, layout, data FROM reading WHERE key >= ? ORDER BY key');
    const endKey = firstKeyAt(range.toMs);
    let before = 0;
    for (const found of rows.iterate(firstKeyAt(range.fromMs))) {
      const row = found as unknown as ReadingRow;
      requireOrder(before, row.key);
      before = row.key;
      const reading = this.#readingIn(row, row.key >= endKey ? undefined : range);
      if (reading && row.key >= endKey) break;
      if (reading) add(reading);
    }
    for (const entry of waiting) if (entry.kind === 'reading') add(entry.reading);
    return [...found.values()].sort((a, b) => a.timeMs - b.timeMs || (a.series.meter < b.series.meter ? -1 : 1));
  }

  /** @returns undefined for one of another series, or one that is not as it was written: that is no reading */
  #readingIn(row: ReadingRow, wanted: Range | undefined): Reading | undefined {
    try {
      if (wanted && !isOf(this.#rows.series(seriesOfKey(row.key)), wanted)) return undefined;
      return this.#rows.reading(row);
    } catch (error) {
      if (damageIn(error) !== 'no') throw error;
      this.#damaged++;
      return undefined;
    }
  }

  /** Like readings(), an hour at a time: a range of years costs the memory of an hour. */
  *each(range: Range): Generator<Reading> {
    const waiting = this.#guarded(() => this.#waiting.entries());
    const { fromMs, toMs } = this.#guarded(() => this.#bounds(range, waiting));
    for (let startMs = fromMs; startMs < toMs; ) {
      const found = this.#guarded(() => this.#window({ ...range, fromMs: startMs, toMs }, waiting));
      yield* found.readings;
      startMs = found.endMs;
    }
  }

  /** The readings of the first hour of a range that has some. */
  #window(range: Range, waiting: readonly Entry[]): { readings: Reading[]; endMs: number } {
    // Years without readings are stepped over.
    const { key } = this.#db
      .prepare('SELECT min(key) AS key FROM reading WHERE key >= ?')
      .get(firstKeyAt(range.fromMs)) as { key: number | null };
    const later = readingTimes(waiting).filter((timeMs) => timeMs >= range.fromMs);
    const firstMs = Math.min(key === null ? range.toMs : timeOfKey(key), ...later);
    const fromMs = Math.max(range.fromMs, firstMs);
    const endMs = Math.min(fromMs + WINDOW_MS, range.toMs);
    return { readings: fromMs < endMs ? this.#merged({ ...range, fromMs, toMs: endMs }, waiting) : [], endMs };
  }

  /** Gaps that touch a time range, ordered by time; those that are not committed yet follow the others. */
  gaps(range: Range): Gap[] {
    return this.#guarded(() => this.#gaps(range));
  }

  #gaps(range: Range): Gap[] {
    const waiting = this.#waiting.entries();
    const rows = this.#db
      .prepare(
        'SELECT series, from_time, to_time, cause FROM gap WHERE to_time >= ? AND from_time < ? ORDER BY from_time',
      )
      .all(range.fromMs, range.toMs) as unknown as GapRow[];
    const gaps = rows.flatMap((row) => this.#gapIn(row)).filter((gap) => isOf(gap.series, range));
    const covered = (gap: Gap) =>
      gaps.some((other) => sameSeries(other, gap) && other.fromMs <= gap.fromMs && gap.toMs <= other.toMs);
    const uncommitted = joinedGaps(waiting).filter(
      (gap) => gap.toMs >= range.fromMs && gap.fromMs < range.toMs && isOf(gap.series, range) && !covered(gap),
    );
    return [...gaps, ...uncommitted];
  }

  #gapIn(row: GapRow): Gap[] {
    try {
      return [this.#rows.gap(row)];
    } catch (error) {
      if (damageIn(error) !== 'no') throw error;
      this.#damaged++;
      return [];
    }
  }

  /** The newest reading of a series, or undefined. */
  latest(series: Series): Reading | undefined {
    return this.#guarded(() => this.#latest(series));
  }

  #latest(series: Series): Reading | undefined {
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
      for (let tried = 0; tried < MOST_DAMAGED; tried++) {
        const row = newest.get(firstKeyAt(gap.to_time), beforeKey, id) as unknown as ReadingRow | undefined;
        if (!row) break;
        const reading = this.#readingIn(row, undefined);
        if (reading) return reading;
        beforeKey = row.key;
      }
      beforeKey = firstKeyAt(gap.from_time);
    }
    return undefined;
  }

  /** The first committed reading of a series in a range of time, or undefined. */
  first(series: Series, { fromMs, toMs }: Range): Reading | undefined {
    return this.#guarded(() => {
      const id = this.#rows.idOf(series);
      if (id === undefined) return undefined;
      const sql = `SELECT key, layout, data FROM reading WHERE key >= ? AND key < ? AND key % ${SERIES_SLOTS} = ? ORDER BY key LIMIT 1`;
      const row = this.#db.prepare(sql).get(firstKeyAt(fromMs), firstKeyAt(toMs), id) as unknown as
        | ReadingRow
        | undefined;
      return row && this.#readingIn(row, undefined);
    });
  }

  /** The last grid point of a series that is known, as a reading or as a gap; undefined for a new series. */
  lastKnownMs(series: Series): number | undefined {
    const id = this.#guarded(() => this.#rows.idOf(series));
    if (id === undefined) return undefined;
    const newest = 'SELECT to_time FROM gap WHERE series = ? ORDER BY from_time DESC LIMIT 1';
    const gap = this.#guarded(() => this.#db.prepare(newest).get(id));
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
    return this.#guarded(() => heldGroups(this.#db, this.#waiting.held())).filter(({ readings }) => readings > 0);
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
    return this.#guarded(() => countsOf(this.#db, this.#waiting.entries()));
  }

  /** From when to when there are readings. */
  extent(): JournalExtent {
    return this.#guarded(() => extentOf(this.#db, this.#waiting.entries()));
  }

  /** The newest reading of a meter in a range, whatever its model. */
  newestOf(of: Pick<Series, 'measurement' | 'meter'>, range: Range): Reading | undefined {
    return this.newest(of, range, 1)[0];
  }

  /** The newest readings of a meter in a range, whatever its model, oldest first. */
  newest({ measurement, meter }: Pick<Series, 'measurement' | 'meter'>, range: Range, most: number): Reading[] {
    const readingIn = (row: ReadingRow) => this.#readingIn(row, undefined);
    return this.#guarded(() =>
      newestReadings(this.#db, this.#waiting.entries(), readingIn, { ...range, measurement, meter }, most),
    );
  }

  /** Where the running collector keeps its tail and its status. */
  runtimeDirectory(): string | undefined {
    return this.#guarded(() => this.#waiting.runtimeDirectory());
  }

  /** The damaged journals that lie beside this one. */
  setAside(): AsideReport[] {
    return this.#guarded(() => asideReports(this.#stateDir, this.#db));
  }

  close(): void {
    this.#db.close();
  }

  /** Before the first and after the last reading there is nothing to look for. */
  #bounds(range: Range, waiting: readonly Entry[]): { fromMs: number; toMs: number } {
    const times = readingTimes(waiting);
    const { first, last } = keyEnds(this.#db);
    if (first !== null && last !== null) times.push(timeOfKey(first), timeOfKey(last));
    return { fromMs: Math.max(range.fromMs, Math.min(...times)), toMs: Math.min(range.toMs, Math.max(...times) + 1) };
  }
}

/** Opens a reader for as long as it is used. */
export function readOnce<T>(stateDir: string, read: (reader: JournalReader) => T): T {
  const reader = new JournalReader(stateDir);
  try {
    return read(reader);
  } finally {
    reader.close();
  }
}

function inRange(timeMs: number, series: Series, range: Range): boolean {
  return timeMs >= range.fromMs && timeMs < range.toMs && isOf(series, range);
}

function isOf(series: Series, { meter, measurement }: Pick<Range, 'meter' | 'measurement'>): boolean {
  return (
    (meter === undefined || series.meter === meter) && (measurement === undefined || series.measurement === measurement)
  );
}
