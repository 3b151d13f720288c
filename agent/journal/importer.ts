import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type Reading, seriesKey } from '../readings/reading.ts';
import { Catalogue } from './catalogue.ts';
import { journalPath, openForWriting, storageError } from './database.ts';
import { readingKey } from './keys.ts';
import { CollectorLock } from './lock.ts';
import { layoutOf, pack, unpack } from './packing.ts';
import { usedBytes } from './retention.ts';
import { type ReadingRow, Rows } from './rows.ts';
import { prepareSchema } from './schema.ts';
import { State } from './state.ts';
import { Waiting } from './waiting.ts';

/** A reading from elsewhere, with the places that its values are exact to. */
export interface ImportedReading {
  reading: Reading;
  decimals: Readonly<Record<string, number>>;
}

/** What became of readings. */
export interface ImportCounts {
  /** New in the journal. */
  stored: number;
  /** There already, but without some of the quantities: these were added, the others kept. */
  completed: number;
  /** There already, with all quantities: nothing was changed. */
  there: number;
}

/** How far an import is, any JSON value, saved together with what it brought. Without a key it is only counted. */
export interface ImportMark {
  key: string | undefined;
  value: (counts: ImportCounts) => unknown;
}

/** What a running collector has not committed yet is never older than this before the newest that it has. */
const WAITING_MS = 3_600_000;

/** Writes readings of other sources into the journal, beside a collector that goes on, on a connection of its own. */
export class Importer {
  readonly #stateDir: string;
  readonly #db: DatabaseSync;
  readonly #catalogue: Catalogue;
  readonly #state: State;
  #rows: Rows;
  readonly #waiting: Waiting;
  readonly #newest: StatementSync;
  readonly #insert: StatementSync;
  readonly #find: StatementSync;
  readonly #update: StatementSync;
  readonly #insertLate: StatementSync;
  readonly #anyCursor: StatementSync;

  readonly #dryRun: boolean;

  /**
   * @param dryRun everything is done and undone again; of a journal that is not there, none is made
   * @throws AgentError `storage` or `permission`
   */
  constructor(stateDir: string, dryRun = false) {
    const db = dryRun && !existsSync(journalPath(stateDir)) ? emptyJournal() : openForWriting(stateDir);
    this.#stateDir = stateDir;
    this.#db = db;
    this.#dryRun = dryRun;
    this.#catalogue = new Catalogue(db);
    this.#state = new State(db);
    this.#rows = new Rows(db);
    this.#waiting = new Waiting(stateDir, db);
    this.#newest = db.prepare('SELECT max(key) AS key FROM reading');
    this.#insert = db.prepare('INSERT OR IGNORE INTO reading (key, layout, data) VALUES (?, ?, ?)');
    this.#find = db.prepare('SELECT key, layout, data FROM reading WHERE key = ?');
    this.#update = db.prepare('UPDATE reading SET layout = ?, data = ? WHERE key = ?');
    this.#insertLate = db.prepare('INSERT INTO late (key) VALUES (?)');
    this.#anyCursor = db.prepare('SELECT 1 FROM cursor LIMIT 1');
  }

  /** Does a collector run that wants to write as well? */
  collectorRuns(): boolean {
    return CollectorLock.isHeld(this.#stateDir);
  }

  mark(key: string): unknown {
    return this.#state.load(key);
  }

  removeMarks(keys: readonly string[]): void {
    this.#guarded(() => {
      for (const key of keys) this.#state.remove(key);
    });
  }

  /** Bytes that the journal's data takes. */
  bytes(): number {
    return usedBytes(this.#db);
  }

  /** The models under which a meter is in the journal. */
  modelsOf(measurement: string, meter: string): string[] {
    return this.#db
      .prepare('SELECT model FROM series WHERE measurement = ? AND meter = ?')
      .all(measurement, meter)
      .map((row) => String(row.model));
  }

  /**
   * Stores readings and the mark in one transaction: a kill leaves both or none. A value that is there already is never
   * changed; quantities that a reading lacks are added to it, because exports of InfluxDB have a line for each field.
   * @returns for how many ms others could not write
   * @throws AgentError when the journal cannot be written; nothing is stored then
   */
  store(readings: readonly ImportedReading[], mark: ImportMark): number {
    return this.#guarded(() => {
      // Consumers go by position: one that has passed this time finds the reading in `late` only. Where nobody has taken
      // anything and no collector forwards, everybody begins at the oldest.
      const late = this.collectorRuns() || this.#anyCursor.get() !== undefined;
      const waiting = this.#waitingKeys(readings);
      const counts: ImportCounts = { stored: 0, completed: 0, there: 0 };
      for (const { reading, decimals } of readings) {
        const key = readingKey(reading.timeMs, this.#catalogue.seriesId(reading.series));
        const isWaiting = waiting.size > 0 && waiting.has(waitingKey(reading));
        const outcome = isWaiting ? 'there' : this.#storeOne(key, reading, decimals);
        counts[outcome]++;
        if (late && outcome !== 'there') this.#insertLate.run(key);
      }
      const value = mark.value(counts);
      if (mark.key !== undefined) this.#state.save(mark.key, value);
    });
  }

  close(): void {
    this.#db.close();
  }

  #storeOne(key: number, { values }: Reading, decimals: Readonly<Record<string, number>>): keyof ImportCounts {
    const layout = layoutOf(values, decimals);
    const { changes } = this.#insert.run(key, this.#catalogue.layoutId(layout), pack(layout, values));
    if (Number(changes) > 0) return 'stored';
    const row = this.#find.get(key) as unknown as ReadingRow;
    const layoutThere = this.#rows.layout(row.layout);
    const valuesThere = unpack(layoutThere, row.data);
    const added = layout.filter(({ name }) => valuesThere[name] === undefined);
    if (added.length === 0) return 'there';
    const present = layoutThere.filter(({ name }) => valuesThere[name] !== undefined);
    const all = [...present, ...added];
    this.#update.run(this.#catalogue.layoutId(all), pack(all, { ...values, ...valuesThere }), key);
    return 'completed';
  }

  /** What the collector has read of the last minutes and not committed yet: it must not find its seconds taken. */
  #waitingKeys(readings: readonly ImportedReading[]): ReadonlySet<string> {
    const newestMs = readings.reduce((newest, { reading }) => Math.max(newest, reading.timeMs), 0);
    const committed = Number(this.#newest.get()?.key ?? 0);
    if (readingKey(newestMs + WAITING_MS, 0) < committed) return new Set();
    return new Set(
      this.#waiting.entries().flatMap((entry) => (entry.kind === 'reading' ? [waitingKey(entry.reading)] : [])),
    );
  }

  /** Ids that the transaction created can be given to others afterwards. */
  #undo(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#catalogue.forget();
    this.#rows = new Rows(this.#db);
  }

  #guarded(write: () => void): number {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const startMs = performance.now();
      write();
      if (this.#dryRun) this.#undo();
      else this.#db.exec('COMMIT');
      return performance.now() - startMs;
    } catch (error) {
      this.#undo();
      throw storageError(journalPath(this.#stateDir), error);
    }
  }
}

function emptyJournal(): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  prepareSchema(db, ':memory:');
  return db;
}

function waitingKey({ series, timeMs }: Reading): string {
  return `${seriesKey(series)}${timeMs}`;
}
