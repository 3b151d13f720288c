import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Gap } from '../../readings/reading.ts';
import { Catalogue } from '../catalogue.ts';
import { HISTORY_CONSUMER } from '../cursors.ts';
import { readingKey } from '../keys.ts';
import { CollectorLock } from '../lock.ts';
import { isOfFile, isOfIds } from '../own-state.ts';
import { State } from '../state.ts';
import type { Found } from './found.ts';
import type { Resolved } from './old-catalogue.ts';

/** Puts what was salvaged into a journal, beside its collector. What is there already stays as it is. */
export class SalvageWriter {
  readonly #stateDir: string;
  readonly #db: DatabaseSync;
  readonly #catalogue: Catalogue;
  readonly #state: State;
  readonly #insertReading: StatementSync;
  readonly #insertLate: StatementSync;
  readonly #anyCursor: StatementSync;
  readonly #overlapping: StatementSync;
  readonly #deleteGap: StatementSync;
  readonly #insertGap: StatementSync;
  readonly #insertCursor: StatementSync;
  readonly #insertState: StatementSync;
  readonly #insertRefused: StatementSync;
  readonly #insertHeld: StatementSync;
  #late = true;

  constructor(stateDir: string, db: DatabaseSync) {
    this.#stateDir = stateDir;
    this.#db = db;
    this.#catalogue = new Catalogue(db);
    this.#state = new State(db);
    this.#insertReading = db.prepare('INSERT OR IGNORE INTO reading (key, layout, data) VALUES (?, ?, ?)');
    this.#insertLate = db.prepare('INSERT INTO late (key) VALUES (?)');
    this.#anyCursor = db.prepare('SELECT 1 FROM cursor LIMIT 1');
    this.#overlapping = db.prepare(
      'SELECT from_time, to_time, cause FROM gap WHERE series = ? AND from_time <= ? AND to_time >= ?',
    );
    this.#deleteGap = db.prepare('DELETE FROM gap WHERE series = ? AND from_time = ?');
    this.#insertGap = db.prepare('INSERT INTO gap (series, from_time, to_time, cause) VALUES (?, ?, ?, ?)');
    // From the beginning, and as if somebody had set it: its consumer takes all again, which changes nothing there.
    this.#insertCursor = db.prepare(
      'INSERT OR IGNORE INTO cursor (consumer, key, late, generation) VALUES (?, 0, 0, ? + 1)',
    );
    this.#insertState = db.prepare('INSERT OR IGNORE INTO state (key, value) VALUES (?, ?)');
    this.#insertHeld = db.prepare(
      `INSERT INTO held (boot, offset, time, entry) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS
         (SELECT 1 FROM held WHERE boot = ?1 AND offset = ?2 AND time = ?3 AND entry = ?4)`,
    );
    this.#insertRefused = db.prepare(
      'INSERT OR IGNORE INTO quarantine (consumer, key, line, reason, refused_time) VALUES (?, ?, ?, ?, ?)',
    );
  }

  /** One transaction: a kill leaves what `write` does with the progress that it saves, or none of it. */
  transaction(write: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      // Consumers go by position: one that has passed a time finds its reading in `late` only.
      this.#late = this.#anyCursor.get() !== undefined || CollectorLock.isHeld(this.#stateDir);
      write();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      this.#catalogue.forget();
      throw error;
    }
  }

  /** @returns false when there is one of this second already */
  addReading({ series, timeMs, layout }: Resolved, data: Uint8Array): boolean {
    const key = readingKey(timeMs, this.#catalogue.seriesId(series));
    const { changes } = this.#insertReading.run(key, this.#catalogue.layoutId(layout), data);
    if (changes === 0) return false;
    if (this.#late) this.#insertLate.run(key);
    return true;
  }

  /** A gap that goes on in one that is there becomes one with it. @returns false when it was there */
  addGap({ series, fromMs, toMs, cause }: Gap): boolean {
    const id = this.#catalogue.seriesId(series);
    const there = this.#overlapping.all(id, toMs, fromMs) as { from_time: number; to_time: number; cause: string }[];
    if (there.some((gap) => gap.cause !== cause || (gap.from_time <= fromMs && gap.to_time >= toMs))) return false;
    for (const gap of there) this.#deleteGap.run(id, gap.from_time);
    const from = Math.min(fromMs, ...there.map((gap) => gap.from_time));
    this.#insertGap.run(id, from, Math.max(toMs, ...there.map((gap) => gap.to_time)), cause);
    return true;
  }

  /** But for the history: it knows a journal by its own position, and takes all of another one. */
  addConsumer({ consumer, generation }: Extract<Found, { kind: 'consumer' }>): void {
    if (consumer !== HISTORY_CONSUMER) this.#insertCursor.run(consumer, generation);
  }

  addState({ key, value }: { key: string; value: string }): void {
    if (!isOfFile(key) && !isOfIds(key)) this.#insertState.run(key, value);
  }

  addHeld({ boot, offset, time, entry }: Extract<Found, { kind: 'held' }>): void {
    this.#insertHeld.run(boot, offset, time, entry);
  }

  addRefused(place: Omit<Resolved, 'layout'>, row: Extract<Found, { kind: 'refused' }>): void {
    const key = readingKey(place.timeMs, this.#catalogue.seriesId(place.series));
    this.#insertRefused.run(row.consumer, key, row.line, row.reason, row.refusedMs);
  }

  save(key: string, value: unknown): void {
    this.#state.save(key, value);
  }
}
