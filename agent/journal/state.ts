import type { DatabaseSync } from 'node:sqlite';

/** Small JSON values that outlive a restart, by key. */
export class State {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  load(key: string): unknown {
    const row = this.#db.prepare('SELECT value FROM state WHERE key = ?').get(key) as { value: string } | undefined;
    return row === undefined ? undefined : JSON.parse(row.value);
  }

  save(key: string, value: unknown): void {
    this.#db
      .prepare('INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
      .run(key, JSON.stringify(value));
  }
}
