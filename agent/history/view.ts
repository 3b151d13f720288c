import type { DatabaseSync } from 'node:sqlite';
import { Changes } from '../journal/changes.ts';
import { Cursors, type Position } from '../journal/cursors.ts';
import { openForReading } from '../journal/database.ts';
import type { Entry } from '../journal/entry.ts';
import { guardedDatabase } from '../journal/guarded-database.ts';
import { firstKeyAt, SERIES_SLOTS, timeOfKey } from '../journal/keys.ts';
import { Rows } from '../journal/rows.ts';
import { Waiting } from '../journal/waiting.ts';
import { type Series, seriesKey } from '../readings/reading.ts';
import { historyError, openHistoryForReading } from './database.ts';
import { Dirty } from './dirty.ts';
import { ceilTo, floorTo, type GridLevel, HOUR_MS, type Level, MINUTE_MS } from './levels.ts';
import { MinuteBuilder } from './minute.ts';
import { positionIn } from './position.ts';
import { type RawReading, RawReadings } from './raw-readings.ts';
import { rollUpHour } from './roll-up.ts';
import type { Rollup } from './rollup.ts';
import { HistoryStore } from './store.ts';
import { addWithdrawn } from './withdrawn.ts';

/** Which series and quantities are asked for; by default all. */
export interface Selection {
  meter?: string | undefined;
  measurement?: string | undefined;
  quantities?: ReadonlySet<string> | undefined;
}

/** A roll-up of a series. */
export interface SeriesRollup {
  series: Series;
  startMs: number;
  rollup: Rollup;
}

/** What is not in the history yet: computed from readings, for a span of time. */
export interface Newest {
  /** By level, then start and seriesKey(). */
  rows: Map<GridLevel, Map<string, SeriesRollup>>;
  /** Start and seriesKey() of what is there no more, by level. */
  gone: Map<GridLevel, Set<string>>;
  /** Hours, by their starts, of which something is in `rows`. */
  hours: Set<number>;
}

/**
 * History and journal as one: what the history has not taken yet is computed from readings when it is asked for, those that
 * wait in tail and spool included. So it does not matter how far the history has come.
 */
export class HistoryView {
  readonly #journal: DatabaseSync;
  readonly #history: DatabaseSync | undefined;
  readonly #stateDir: string;
  readonly #cursors: Cursors;
  readonly store: HistoryStore | undefined;

  /** @throws AgentError when there is no journal, or one of both cannot be read */
  constructor(stateDir: string) {
    this.#stateDir = stateDir;
    this.#journal = guardedDatabase(stateDir, () => openForReading(stateDir));
    this.#cursors = new Cursors(this.#journal);
    try {
      this.#history = openHistoryForReading(stateDir);
    } catch (error) {
      this.#journal.close();
      throw error;
    }
    this.store = this.#history && new HistoryStore(this.#history);
  }

  /** All of it at one moment. @throws AgentError when the history is damaged */
  consistently<T>(work: () => T): T {
    try {
      return this.store ? this.store.snapshot(work) : work();
    } catch (error) {
      throw historyError(this.#stateDir, error);
    }
  }

  /** How far the history has come; BEGINNING where there is none. */
  position(): Position {
    return positionIn(this.store, this.#cursors);
  }

  /** What of these hours is to be computed from readings. @param levels that are needed of it */
  newest(fromMs: number, toMs: number, levels: ReadonlySet<Level>, selection: Selection): Newest {
    const [from, to] = [floorTo(HOUR_MS, fromMs), ceilTo(HOUR_MS, toMs)];
    const found: Newest = { rows: new Map(), gone: new Map(), hours: new Set() };
    const waiting = new Waiting(this.#stateDir, this.#journal).entries();
    const dirty = this.#dirty(from, to, waiting, selection);
    if (dirty.size === 0) return found;
    const raw = new RawReadings(this.#journal, { waiting });
    for (const { startMs, all } of dirty.hours()) {
      found.hours.add(startMs);
      for (const { level, series, startMs: atMs, rollup } of rollUpHour(startMs, all, raw, this.store)) {
        if (levels.has(level)) note(found, level, { series, startMs: atMs }, rollup);
      }
    }
    return found;
  }

  #dirty(fromMs: number, toMs: number, waiting: readonly Entry[], selection: Selection): Dirty {
    const dirty = new Dirty();
    const rows = new Rows(this.#journal);
    for (const { minute, series } of new Changes(this.#journal).within(this.position(), fromMs, toMs)) {
      const one = rows.findSeries(series);
      if (one && isSelected(one, selection)) dirty.add(one, minute * MINUTE_MS);
    }
    const isWithin = (series: Series, timeMs: number) =>
      timeMs >= fromMs && timeMs < toMs && isSelected(series, selection);
    addWithdrawn(dirty, this.#journal, rows, this.store, isWithin);
    for (const entry of waiting) {
      if (entry.kind !== 'reading') continue;
      const { series, timeMs } = entry.reading;
      if (isWithin(series, timeMs)) dirty.add(series, timeMs);
    }
    return dirty;
  }

  /** Roll-ups of a level that begin in a span, in order of time. @param newest of a span that holds this one */
  rows(level: Level, fromMs: number, toMs: number, selection: Selection, newest?: Newest): SeriesRollup[] {
    const rows = [...this.each(level, fromMs, toMs, selection, newest)];
    return newest?.rows.size ? rows.sort((a, b) => a.startMs - b.startMs) : rows;
  }

  /** The same, one after the other, those that were computed last. To be used within consistently(). */
  *each(
    level: Level,
    fromMs: number,
    toMs: number,
    selection: Selection,
    newest?: Newest,
  ): Generator<SeriesRollup, void, undefined> {
    const isWithin = ({ startMs }: SeriesRollup) => startMs >= fromMs && startMs < toMs;
    const computed = level === 'day' ? [] : [...(newest?.rows.get(level)?.values() ?? [])].filter(isWithin);
    const gone = level === 'day' ? undefined : newest?.gone.get(level);
    const replaced = new Set([...computed.map(idOf), ...(gone ?? [])]);
    // Where nothing was computed there is nothing to look for.
    const firstMs = replaced.size === 0 ? toMs : Math.min(...[...(newest?.hours ?? [])]);
    for (const row of this.#stored(level, fromMs, toMs, selection)) {
      if (row.startMs < firstMs || !replaced.has(idOf(row))) yield row;
    }
    yield* computed;
  }

  *#stored(level: Level, fromMs: number, toMs: number, selection: Selection): Generator<SeriesRollup, void, undefined> {
    const { store } = this;
    const series = new Map([...(store?.allSeries() ?? [])].filter(([, one]) => isSelected(one, selection)));
    if (!store || series.size === 0) return;
    const wanted = { series: [...series.keys()], quantities: selection.quantities };
    for (const { series: id, startMs, rollup } of store.range(level, fromMs, toMs, wanted)) {
      const one = series.get(id);
      if (one) yield { series: one, startMs, rollup };
    }
  }

  /** Readings, ordered by time. */
  *readings(fromMs: number, toMs: number, selection: Selection): Generator<RawReading> {
    const waiting = new Waiting(this.#stateDir, this.#journal).entries();
    const wants = (series: Series) => isSelected(series, selection);
    yield* new RawReadings(this.#journal, { waiting, wants }).between(fromMs, toMs);
  }

  /** Parts of minutes, from their readings. */
  rawMinutes(fromMs: number, toMs: number, selection: Selection): SeriesRollup[] {
    const builders = new Map<string, { series: Series; startMs: number; builder: MinuteBuilder }>();
    for (const reading of this.readings(fromMs, toMs, selection)) {
      const startMs = floorTo(MINUTE_MS, reading.timeMs);
      const key = `${startMs} ${reading.key}`;
      const entry = builders.get(key) ?? { series: reading.series, startMs, builder: new MinuteBuilder() };
      builders.set(key, entry);
      entry.builder.add(reading);
    }
    return [...builders.values()].map(({ series, startMs, builder }) => ({ series, startMs, rollup: builder.rollup }));
  }

  /** The first time from one on at which there may be something; undefined when nothing follows. */
  nextKnownMs(fromMs: number): number | undefined {
    const waiting = new Waiting(this.#stateDir, this.#journal).entries();
    const times = waiting.flatMap((entry) => (entry.kind === 'reading' ? [entry.reading.timeMs] : []));
    const next = this.#journal.prepare('SELECT min(key) AS key FROM reading WHERE key >= ?').get(firstKeyAt(fromMs));
    if (next?.key !== null && next !== undefined) times.push(timeOfKey(Number(next.key)));
    const hourMs = this.store?.next('hour', floorTo(HOUR_MS, fromMs));
    if (hourMs !== undefined) times.push(Math.max(hourMs, fromMs));
    const later = times.filter((timeMs) => timeMs >= fromMs);
    return later.length === 0 ? undefined : Math.min(...later);
  }

  /** All series that the history or the journal knows. */
  allSeries(selection: Selection): Series[] {
    const rows = new Rows(this.#journal);
    const journal = this.#journal.prepare('SELECT id FROM series').all();
    const all = [...(this.store?.allSeries().values() ?? []), ...journal.map(({ id }) => rows.series(Number(id)))];
    const selected = all.filter((series) => isSelected(series, selection));
    return [...new Map(selected.map((series) => [seriesKey(series), series])).values()];
  }

  /** The time of the last reading before a time, or of the first from then on, that the history has not taken yet. */
  nearestUntaken(series: Series, side: 'before' | 'from', timeMs: number): number | undefined {
    const id = new Rows(this.#journal).idOf(series);
    if (id === undefined) return undefined;
    const [what, bound] = side === 'before' ? ['max(key)', 'key < ?'] : ['min(key)', 'key >= ?'];
    const row = this.#journal
      .prepare(`SELECT ${what} AS key FROM reading WHERE key > ? AND ${bound} AND key % ${SERIES_SLOTS} = ?`)
      .get(this.position().key, firstKeyAt(timeMs), id);
    return row?.key === null || row === undefined ? undefined : timeOfKey(Number(row.key));
  }

  close(): void {
    this.#history?.close();
    this.#journal.close();
  }
}

function note(found: Newest, level: GridLevel, at: Omit<SeriesRollup, 'rollup'>, rollup: Rollup | undefined): void {
  const rows = found.rows.get(level) ?? new Map<string, SeriesRollup>();
  const gone = found.gone.get(level) ?? new Set<string>();
  found.rows.set(level, rows);
  if (rollup) rows.set(idOf(at), { ...at, rollup });
  else found.gone.set(level, gone.add(idOf(at)));
}

const idOf = ({ series, startMs }: { series: Series; startMs: number }) => `${startMs} ${seriesKey(series)}`;

function isSelected(series: Series, { meter, measurement }: Selection): boolean {
  return (
    (meter === undefined || series.meter === meter) && (measurement === undefined || series.measurement === measurement)
  );
}
