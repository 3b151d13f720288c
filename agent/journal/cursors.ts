import type { DatabaseSync } from 'node:sqlite';

/** How far a consumer has come: everything up to `key`, and of what arrived late everything up to `late`. */
export interface Position {
  key: number;
  late: number;
}

export const BEGINNING: Position = { key: 0, late: 0 };

/** The positions of the consumers (a sink, an export) in the journal. */
export class Cursors {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** The beginning for a consumer that has taken nothing yet. */
  position(consumer: string): Position {
    const row = this.#db.prepare('SELECT key, late FROM cursor WHERE consumer = ?').get(consumer);
    return row ? { key: Number(row.key), late: Number(row.late) } : BEGINNING;
  }

  /** Sets the position, forwards or, to repeat, backwards. Creating it makes retention watch over what it has not taken. */
  move(consumer: string, { key, late }: Position): void {
    this.#db
      .prepare(
        `INSERT INTO cursor (consumer, key, late) VALUES (?, ?, ?)
         ON CONFLICT (consumer) DO UPDATE SET key = excluded.key, late = excluded.late`,
      )
      .run(consumer, key, late);
  }

  remove(consumer: string): void {
    this.#db.prepare('DELETE FROM cursor WHERE consumer = ?').run(consumer);
  }

  all(): ({ consumer: string } & Position)[] {
    const rows = this.#db.prepare('SELECT consumer, key, late FROM cursor ORDER BY consumer').all();
    return rows.map((row) => ({ consumer: String(row.consumer), key: Number(row.key), late: Number(row.late) }));
  }
}
