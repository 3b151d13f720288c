import type { DatabaseSync } from 'node:sqlite';

/** How far each consumer (a sink, an export) has come, by the sequence number of the last reading it has taken. */
export class Cursors {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** 0 for a consumer that has taken nothing yet. */
  position(consumer: string): number {
    const row = this.#db.prepare('SELECT seq FROM cursor WHERE consumer = ?').get(consumer) as
      | { seq: number }
      | undefined;
    return row?.seq ?? 0;
  }

  /** Sets the position, forwards or, to repeat, backwards. Creating it makes retention watch over what it has not taken. */
  move(consumer: string, seq: number): void {
    this.#db
      .prepare(
        'INSERT INTO cursor (consumer, seq) VALUES (?, ?) ON CONFLICT (consumer) DO UPDATE SET seq = excluded.seq',
      )
      .run(consumer, seq);
  }

  remove(consumer: string): void {
    this.#db.prepare('DELETE FROM cursor WHERE consumer = ?').run(consumer);
  }

  all(): { consumer: string; seq: number }[] {
    return this.#db.prepare('SELECT consumer, seq FROM cursor ORDER BY consumer').all() as {
      consumer: string;
      seq: number;
    }[];
  }
}
