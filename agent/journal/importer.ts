import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Reading, seriesKey, type Values } from '../readings/reading.ts';
import { Catalogue } from './catalogue.ts';
import { HISTORY_CONSUMER } from './cursors.ts';
import { journalFile, journalPath, openForWriting, requireSame, storageError } from './database.ts';
import { firstKeyAt, readingKey, seriesOfKey, timeOfKey } from './keys.ts';
import { CollectorLock } from './lock.ts';
import { OwnReadings } from './own-readings.ts';
import { type LayoutField, layoutOf } from './packing.ts';
import { bringOver, openRehearsal, type Rehearsal } from './rehearsal.ts';
import { usedBytes } from './retention.ts';
import { type ReadingRow, Rows } from './rows.ts';
import { sealAs } from './seal.ts';
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
  /** Brought by this import already, with other values: the last of a time wins, as in InfluxDB. */
  replaced: number;
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
const MINUTE_MS = 60_000;

/** Writes readings of other sources into the journal, beside a collector that goes on, on a connection of its own. */
export class Importer {
  readonly #stateDir: string;
  readonly #db: DatabaseSync;
  readonly #file: string | undefined;
  readonly #catalogue: Catalogue;
  readonly #state: State;
  #rows: Rows;
  readonly #waiting: Waiting;
  readonly #newest: StatementSync;
  readonly #insert: StatementSync;
  readonly #find: StatementSync;
  readonly #update: StatementSync;
  readonly #insertLate: StatementSync;
  readonly #anySink: StatementSync;
  readonly #history: StatementSync;

  readonly #own: OwnReadings;
  /** What a dry run writes to instead. */
  readonly #rehearsal: Rehearsal | undefined;
  readonly #bringOver: ((key: number) => void) | undefined;

  /**
   * @param dryRun the journal stays as it is; where there is none, none is made
   * @throws AgentError `storage` or `permission`
   */
  constructor(stateDir: string, dryRun = false) {
    this.#rehearsal = dryRun ? openRehearsal(stateDir) : undefined;
    this.#bringOver = this.#rehearsal && bringOver(this.#rehearsal);
    const db = this.#rehearsal?.db ?? openForWriting(stateDir);
    this.#file = journalFile(stateDir);
    const real = this.#rehearsal?.real ?? db;
    this.#stateDir = stateDir;
    this.#db = db;
    this.#catalogue = new Catalogue(db);
    this.#state = new State(db);
    this.#rows = new Rows(db);
    this.#own = new OwnReadings(db);
    this.#waiting = new Waiting(stateDir, real);
    this.#newest = real.prepare('SELECT max(key) AS key FROM reading');
    this.#insert = db.prepare('INSERT OR IGNORE INTO reading (key, layout, data) VALUES (?, ?, ?)');
    this.#find = db.prepare('SELECT key, layout, data FROM reading WHERE key = ?');
    this.#update = db.prepare('UPDATE reading SET layout = ?, data = ? WHERE key = ?');
    this.#insertLate = db.prepare('INSERT INTO late (key) VALUES (?)');
    this.#anySink = db.prepare(`SELECT 1 FROM cursor WHERE consumer <> '${HISTORY_CONSUMER}' LIMIT 1`);
    this.#history = db.prepare(`SELECT 1 FROM cursor WHERE consumer = '${HISTORY_CONSUMER}'`);
  }

  /** Does a collector run that wants to write as well? */
  collectorRuns(): boolean {
    return CollectorLock.isHeld(this.#stateDir);
  }

  mark(key: string): unknown {
    return this.#state.load(key);
  }

  /** A new import begins: what is in the journal now stays as it is. */
  begin(): void {
    this.#guarded(() => {
      const waiting = this.#waiting
        .entries()
        .flatMap((entry) => (entry.kind === 'reading' ? [entry.reading.timeMs] : []));
      const firstMs = Math.min(Date.now() - WAITING_MS, ...waiting);
      const { key } = (this.#rehearsal?.real ?? this.#db).prepare('SELECT min(key) AS key FROM reading').get() ?? {};
      this.#own.begin(Math.min(firstKeyAt(firstMs), Number(key ?? Number.POSITIVE_INFINITY)));
    });
  }

  /** The import is at its end: its readings are as all others now. */
  finish(keys: readonly string[]): void {
    this.#guarded(() => {
      for (const key of keys) this.#state.remove(key);
      this.#own.end();
    });
  }

  removeMarks(keys: readonly string[]): void {
    this.#guarded(() => {
      for (const key of keys) this.#state.remove(key);
    });
  }

  /** Bytes that the journal's data takes. */
  bytes(): number {
    return usedBytes(this.#rehearsal?.real ?? this.#db);
  }

  /** The models under which a meter is in the journal. */
  modelsOf(measurement: string, meter: string): string[] {
    return this.#db
      .prepare('SELECT model FROM series WHERE measurement = ? AND meter = ?')
      .all(measurement, meter)
      .map((row) => String(row.model));
  }

  /**
   * Stores readings and the mark in one transaction: a kill leaves both or none. A value that was there before the import
   * is never changed; quantities that a reading lacks are added to it, because exports of InfluxDB have a line for each field.
   * @returns for how many ms others could not write
   * @throws AgentError when the journal cannot be written; nothing is stored then
   */
  store(readings: readonly ImportedReading[], mark: ImportMark): number {
    return this.#guarded(() => {
      const isListed = this.#lateListing();
      const waiting = this.#waitingKeys(readings);
      const counts: ImportCounts = { stored: 0, completed: 0, replaced: 0, there: 0 };
      for (const { reading, decimals } of readings) {
        const key = readingKey(reading.timeMs, this.#catalogue.seriesId(reading.series));
        const isWaiting = waiting.size > 0 && waiting.has(waitingKey(reading));
        const outcome = isWaiting ? 'there' : this.#storeOne(key, reading, decimals);
        counts[outcome]++;
        if (outcome !== 'there' && isListed(key)) this.#insertLate.run(key);
      }
      const value = mark.value(counts);
      if (mark.key !== undefined) this.#state.save(mark.key, value);
    });
  }

  close(): void {
    this.#rehearsal?.real?.close();
    this.#db.close();
  }

  #storeOne(key: number, reading: Reading, decimals: Readonly<Record<string, number>>): keyof ImportCounts {
    this.#bringOver?.(key);
    const { values } = reading;
    const fields = layoutOf(values, decimals);
    const sealed = sealAs(reading, fields);
    const { changes } = this.#insert.run(key, this.#catalogue.layoutId(sealed.layout), sealed.data);
    if (Number(changes) > 0) {
      this.#own.add(key);
      return 'stored';
    }
    const { layoutThere, valuesThere } = this.#there(key);
    const isOwn = this.#own.has(key);
    const taken = fields.filter(({ name }) =>
      isOwn ? valuesThere[name] !== values[name] : valuesThere[name] === undefined,
    );
    if (taken.length === 0) return 'there';
    const isTaken = new Set(taken.map(({ name }) => name));
    const kept = layoutThere.filter(({ name }) => valuesThere[name] !== undefined && !isTaken.has(name));
    const all = [...kept, ...taken];
    const keptValues = Object.fromEntries(kept.map(({ name }) => [name, valuesThere[name] ?? 0]));
    const completed = sealAs({ ...reading, values: { ...values, ...keptValues } }, all);
    this.#update.run(this.#catalogue.layoutId(completed.layout), completed.data, key);
    return taken.some(({ name }) => valuesThere[name] !== undefined) ? 'replaced' : 'completed';
  }

  /** A reading that is damaged counts as one without quantities: what is brought takes its place. */
  #there(key: number): { layoutThere: LayoutField[]; valuesThere: Values } {
    const row = this.#find.get(key) as unknown as ReadingRow;
    try {
      return { layoutThere: this.#rows.layout(row.layout), valuesThere: this.#rows.reading(row).values };
    } catch {
      return { layoutThere: [], valuesThere: {} };
    }
  }

  /**
   * Consumers go by position: one that has passed a time finds the reading in `late` only. Where nobody has taken anything
   * and no collector forwards, everybody begins at the oldest. The history looks at minutes: it needs one of each.
   */
  #lateListing(): (key: number) => boolean {
    const hasHistory = this.#history.get() !== undefined;
    if (this.#anySink.get() !== undefined || (this.collectorRuns() && !hasHistory)) return () => true;
    if (!hasHistory) return () => false;
    const listed = new Set<number>();
    return (key) => {
      const minute = readingKey(Math.floor(timeOfKey(key) / MINUTE_MS), seriesOfKey(key));
      const isNew = !listed.has(minute);
      listed.add(minute);
      return isNew;
    };
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
    this.#own.look();
  }

  #guarded(write: () => void): number {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const startMs = performance.now();
      write();
      this.#db.exec('COMMIT');
      if (!this.#rehearsal) requireSame(this.#stateDir, this.#file);
      return performance.now() - startMs;
    } catch (error) {
      this.#undo();
      throw storageError(journalPath(this.#stateDir), error);
    }
  }
}

function waitingKey({ series, timeMs }: Reading): string {
  return `${seriesKey(series)}${timeMs}`;
}
