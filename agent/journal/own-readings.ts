import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { State } from './state.ts';

const STATE_KEY = 'import/own-below';

/**
 * Which readings an import has brought itself, also before it was cut off: of these the last of a time wins, as in InfluxDB;
 * all others were in the journal before. Below the first reading that was there, all are its own, and nothing is written
 * down. To be used within a transaction.
 */
export class OwnReadings {
  readonly #db: DatabaseSync;
  readonly #state: State;
  #below: number;
  #find: StatementSync | undefined;
  #insert: StatementSync | undefined;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#state = new State(db);
    this.#below = 0;
    this.look();
  }

  /** What the journal says, such as after a transaction that was rolled back. */
  look(): void {
    this.#below = Number(this.#state.load(STATE_KEY) ?? 0);
    this.#find = undefined;
    this.#insert = undefined;
    if (this.#db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'imported'").get()) this.#prepare();
  }

  /** A new import. @param firstKey of all that others have in the journal, or may bring */
  begin(firstKey: number): void {
    this.end();
    this.#below = firstKey;
    this.#state.save(STATE_KEY, firstKey);
  }

  has(key: number): boolean {
    return key < this.#below || this.#find?.get(key) !== undefined;
  }

  add(key: number): void {
    if (key < this.#below) return;
    if (!this.#insert) {
      this.#db.exec('CREATE TABLE IF NOT EXISTS imported (key INTEGER PRIMARY KEY) STRICT');
      this.#prepare();
    }
    this.#insert?.run(key);
  }

  /** What is in the journal now stays as it is. */
  end(): void {
    this.#db.exec('DROP TABLE IF EXISTS imported');
    this.#state.remove(STATE_KEY);
    this.look();
  }

  #prepare(): void {
    this.#find = this.#db.prepare('SELECT 1 FROM imported WHERE key = ?');
    this.#insert = this.#db.prepare('INSERT OR IGNORE INTO imported (key) VALUES (?)');
  }
}
