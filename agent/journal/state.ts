import type { DatabaseSync } from 'node:sqlite';

/** Small JSON values that outlive a restart, by key. */
export class State {
  #db: DatabaseSync | undefined;
  readonly #remembered = new Map<string, unknown>();

  /** @param db undefined while the journal cannot be opened: then there is what is remembered meanwhile */
  constructor(db: DatabaseSync | undefined) {
    this.#db = db;
  }

  /** From now on in this journal; what was remembered is saved there. */
  moveTo(db: DatabaseSync | undefined): void {
    this.#db = db;
  }

  load(key: string): unknown {
    if (this.#remembered.has(key) || !this.#db) return this.#remembered.get(key);
    const row = this.#db.prepare('SELECT value FROM state WHERE key = ?').get(key) as { value: string } | undefined;
    return row && parsed(row.value);
  }

  /** Saves a value with the next commit: what can be learned again is not worth a commit of its own. */
  remember(key: string, value: unknown): void {
    this.#remembered.set(key, value);
  }

  /** To be called within a transaction. */
  saveRemembered(): void {
    for (const [key, value] of this.#remembered) this.save(key, value);
  }

  /** The transaction is committed. */
  forgetSaved(): void {
    this.#remembered.clear();
  }

  save(key: string, value: unknown): void {
    this.#db
      ?.prepare('INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
      .run(key, JSON.stringify(value));
  }

  remove(key: string): void {
    this.#db?.prepare('DELETE FROM state WHERE key = ?').run(key);
  }
}

/** What is damaged is forgotten: all of it can be learned again. */
function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}
