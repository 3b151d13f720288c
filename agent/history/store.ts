import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Catalogue } from '../journal/catalogue.ts';
import { firstKeyAt, readingKey, SERIES_SLOTS, seriesOfKey, timeOfKey } from '../journal/keys.ts';
import { type Series, seriesKey } from '../readings/reading.ts';
import { DAY_MS, type Level } from './levels.ts';
import { type PackedField, packedFields, packRollup, unpackRollup } from './packing.ts';
import type { Rollup } from './rollup.ts';

/** Keys of `state`: the position in the journal behind the last reading that is in the roll-ups (journal/cursors.ts). */
export const POSITION = 'position';
/** The zone whose days are kept. */
export const ZONE = 'zone';
/** UTC ms from which on days of the zone are still to be made; absent when all are there. */
export const DAYS_DUE = 'daysDueFrom';

/** A roll-up as it is stored. */
export interface StoredRollup {
  /** Id of the series. */
  series: number;
  startMs: number;
  rollup: Rollup;
}

export interface Wanted {
  /** Ids of series; by default all. */
  series?: readonly number[] | undefined;
  /** By default all. */
  quantities?: ReadonlySet<string> | undefined;
}

/** To fetch rows one by one costs half as much again as all the rest. */
const ROWS_AT_ONCE = 256;

type Row = [key: number, layout: number, data: Uint8Array];

export const LEVELS: readonly Level[] = ['minute', 'quarter', 'hour', 'day'];

/** The rows of a history. */
export class HistoryStore {
  readonly #db: DatabaseSync;
  readonly #catalogue: Catalogue;
  readonly #layouts = new Map<number, PackedField[]>();
  readonly #layoutIds = new Map<string, number>();
  readonly #ids = new Map<string, number>();
  readonly #statements = new Map<string, StatementSync>();
  #changedDays = new Set<number>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#catalogue = new Catalogue(db);
  }

  /** All series by id. */
  allSeries(): Map<number, Series> {
    const rows = this.#statement('SELECT id, measurement, meter, model FROM series ORDER BY id').all();
    return new Map(
      rows.map(({ id, measurement, meter, model }) => [
        Number(id),
        { measurement: String(measurement), meter: String(meter), model: String(model) },
      ]),
    );
  }

  /** @returns undefined for a series that has no roll-up yet */
  idOf(series: Series): number | undefined {
    const key = seriesKey(series);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const row = this.#statement('SELECT id FROM series WHERE measurement = ? AND meter = ? AND model = ?').get(
      series.measurement,
      series.meter,
      series.model,
    );
    if (row !== undefined) this.#ids.set(key, Number(row.id));
    return row && Number(row.id);
  }

  /** Ordered by start; at one moment only within snapshot(). @param toMs UTC, excluded */
  *range(level: Level, fromMs: number, toMs: number, { series, quantities }: Wanted = {}): Generator<StoredRollup> {
    const isWanted = series === undefined ? '' : `AND key % ${SERIES_SLOTS} IN (${series.join(',')})`;
    const select = this.#db.prepare(
      `SELECT key, layout, data FROM ${level} WHERE key >= ? AND key < ? ${isWanted} ORDER BY key LIMIT ${ROWS_AT_ONCE}`,
    );
    select.setReturnArrays(true);
    const endKey = firstKeyAt(toMs);
    for (let key = firstKeyAt(fromMs); ; ) {
      const rows = select.all(key, endKey) as unknown as Row[];
      for (const row of rows) yield this.#unpack(row, level, quantities);
      if (rows.length < ROWS_AT_ONCE) return;
      key = (rows.at(-1)?.[0] ?? endKey) + 1;
    }
  }

  find(level: Level, series: number, startMs: number): Rollup | undefined {
    const row = this.#statement(`SELECT key, layout, data FROM ${level} WHERE key = ?`).get(
      readingKey(startMs, series),
    );
    return row && this.#unpack(Object.values(row) as unknown as Row, level).rollup;
  }

  /** The last of a series that begins before a time, or the first that begins then or later. */
  nearest(level: Level, series: number, side: 'before' | 'from', timeMs: number): StoredRollup | undefined {
    const [operator, order] = side === 'before' ? ['<', 'DESC'] : ['>=', 'ASC'];
    const row = this.#statement(
      `SELECT key, layout, data FROM ${level} WHERE key ${operator} ? AND key % ${SERIES_SLOTS} = ?
       ORDER BY key ${order} LIMIT 1`,
    ).get(firstKeyAt(timeMs), series);
    return row && this.#unpack(Object.values(row) as unknown as Row, level);
  }

  put(level: Level, series: Series, startMs: number, rollup: Rollup): void {
    const id = this.#catalogue.seriesId(series);
    const layout = this.#layoutId(packedFields(rollup));
    const data = packRollup(rollup, level, startMs);
    this.#statement(`INSERT OR REPLACE INTO ${level} (key, layout, data) VALUES (?, ?, ?)`).run(
      readingKey(startMs, id),
      layout,
      data,
    );
    if (level !== 'day') this.#changedDays.add(Math.floor(startMs / DAY_MS));
  }

  delete(level: Level, series: Series, startMs: number): void {
    const id = this.idOf(series);
    if (id === undefined) return;
    this.#statement(`DELETE FROM ${level} WHERE key = ?`).run(readingKey(startMs, id));
    if (level !== 'day') this.#changedDays.add(Math.floor(startMs / DAY_MS));
  }

  /** Deletes what begins before a time. @returns whether there was any */
  deleteBefore(level: Level, timeMs: number): boolean {
    const key = firstKeyAt(timeMs);
    const days = this.#statement(
      `SELECT DISTINCT key / ${DAY_MS * SERIES_SLOTS} AS day FROM ${level} WHERE key < ?`,
    ).all(key);
    if (days.length === 0) return false;
    this.#statement(`DELETE FROM ${level} WHERE key < ?`).run(key);
    if (level !== 'day') for (const { day } of days) this.#changedDays.add(Number(day));
    return true;
  }

  /** Start of the first that begins then or later, of any series. */
  next(level: Level, timeMs: number): number | undefined {
    const row = this.#statement(`SELECT min(key) AS key FROM ${level} WHERE key >= ?`).get(firstKeyAt(timeMs));
    return row?.key === null || row === undefined ? undefined : timeOfKey(Number(row.key));
  }

  /** Start of the last that begins before, of any series. */
  last(level: Level, timeMs: number): number | undefined {
    const row = this.#statement(`SELECT max(key) AS key FROM ${level} WHERE key < ?`).get(firstKeyAt(timeMs));
    return row?.key === null || row === undefined ? undefined : timeOfKey(Number(row.key));
  }

  /** Start of the oldest and of the newest, UTC ms. */
  ends(level: Level): { firstMs: number; lastMs: number } | undefined {
    const row = this.#statement(
      `SELECT (SELECT min(key) FROM ${level}) AS first, (SELECT max(key) FROM ${level}) AS last`,
    ).get();
    if (row?.first === null || row === undefined) return undefined;
    return { firstMs: timeOfKey(Number(row.first)), lastMs: timeOfKey(Number(row.last)) };
  }

  /** Names of the quantities that there are roll-ups of. */
  names(): string[] {
    const layouts = this.#statement('SELECT fields FROM layout').all();
    return layouts.flatMap(({ fields }) => (JSON.parse(String(fields)) as PackedField[]).map(([name]) => name));
  }

  load(key: string): unknown {
    const row = this.#statement('SELECT value FROM state WHERE key = ?').get(key);
    return row && JSON.parse(String(row.value));
  }

  save(key: string, value: unknown): void {
    this.#statement('INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)').run(key, JSON.stringify(value));
  }

  remove(key: string): void {
    this.#statement('DELETE FROM state WHERE key = ?').run(key);
  }

  /** One transaction: all of it or nothing. @throws what SQLite throws */
  transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      const mark = this.#statement('INSERT OR REPLACE INTO mark (day, mark) VALUES (?, random() & 9007199254740991)');
      for (const day of this.#changedDays) mark.run(day);
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      this.#forget();
      throw error;
    } finally {
      this.#changedDays = new Set();
    }
  }

  /** All levels at one moment, while others write. */
  snapshot<T>(work: () => T): T {
    this.#db.exec('BEGIN');
    try {
      return work();
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  /** Bytes that its rows take. */
  bytes(): number {
    const number = (name: string) => Number(Object.values(this.#db.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
    return (number('page_count') - number('freelist_count')) * number('page_size');
  }

  rows(level: Level): number {
    return Number(this.#statement(`SELECT count(*) AS n FROM ${level}`).get()?.n);
  }

  /** Ids that a transaction created can be given to others afterwards. */
  #forget(): void {
    this.#catalogue.forget();
    this.#layoutIds.clear();
    this.#layouts.clear();
    this.#ids.clear();
  }

  #unpack([key, layout, data]: Row, level: Level, quantities?: ReadonlySet<string>): StoredRollup {
    const startMs = timeOfKey(key);
    const rollup = unpackRollup(this.#layout(layout), data, level, startMs, quantities);
    return { series: seriesOfKey(key), startMs, rollup };
  }

  #layout(id: number): PackedField[] {
    let layout = this.#layouts.get(id);
    if (!layout) {
      const row = this.#statement('SELECT fields FROM layout WHERE id = ?').get(id);
      if (row === undefined) throw new RangeError(`a history without its layout ${id}`);
      layout = JSON.parse(String(row.fields)) as PackedField[];
      this.#layouts.set(id, layout);
    }
    return layout;
  }

  #layoutId(fields: readonly PackedField[]): number {
    const text = JSON.stringify(fields);
    let id = this.#layoutIds.get(text);
    if (id === undefined) {
      this.#statement('INSERT OR IGNORE INTO layout (fields) VALUES (?)').run(text);
      id = Number(this.#statement('SELECT id FROM layout WHERE fields = ?').get(text)?.id);
      this.#layoutIds.set(text, id);
    }
    return id;
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
