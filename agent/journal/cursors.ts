import type { DatabaseSync } from 'node:sqlite';

/** How far a consumer has come: everything up to `key`, and of what arrived late everything up to `late`. */
export interface Position {
  key: number;
  late: number;
}

export const BEGINNING: Position = { key: 0, late: 0 };

/** The consumer that keeps the roll-ups (agent/history/): by age, retention deletes only what it has taken. */
export const HISTORY_CONSUMER = 'history';

/** A position with the number of times that somebody else than the consumer has set it. */
export interface Cursor extends Position {
  generation: number;
}

/** The positions of the consumers (a sink, an export) in the journal. */
export class Cursors {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Where a consumer is, or undefined for one that has taken nothing yet. */
  find(consumer: string): Cursor | undefined {
    const row = this.#db.prepare('SELECT key, late, generation FROM cursor WHERE consumer = ?').get(consumer);
    return row && { key: Number(row.key), late: Number(row.late), generation: Number(row.generation) };
  }

  /**
   * The consumer's own step forward. Creating it makes retention watch over what it has not taken.
   * @returns false when somebody has set the cursor since this generation: the consumer goes on from there
   */
  advance(consumer: string, { key, late, generation }: Cursor): boolean {
    const { changes } = this.#db
      .prepare(
        `INSERT INTO cursor (consumer, key, late, generation) VALUES (?, ?, ?, ?)
         ON CONFLICT (consumer) DO UPDATE SET key = excluded.key, late = excluded.late
         WHERE generation = excluded.generation`,
      )
      .run(consumer, key, late, generation);
    return Number(changes) > 0;
  }

  /** Sets a cursor from outside, for instance back, so that its consumer takes everything from there on again. */
  set(consumer: string, { key, late }: Position): void {
    this.#db
      .prepare(
        `INSERT INTO cursor (consumer, key, late, generation) VALUES (?, ?, ?, 1)
         ON CONFLICT (consumer) DO UPDATE SET key = excluded.key, late = excluded.late, generation = generation + 1`,
      )
      .run(consumer, key, late);
  }

  /** Forgets consumers that are gone: retention would wait for them, and warn of them, for ever. */
  keepOnly(consumers: readonly string[]): void {
    for (const { consumer } of this.all()) {
      if (!consumers.includes(consumer)) this.#db.prepare('DELETE FROM cursor WHERE consumer = ?').run(consumer);
    }
  }

  all(): ({ consumer: string } & Cursor)[] {
    const rows = this.#db.prepare('SELECT consumer, key, late, generation FROM cursor ORDER BY consumer').all();
    return rows.map((row) => ({
      consumer: String(row.consumer),
      key: Number(row.key),
      late: Number(row.late),
      generation: Number(row.generation),
    }));
  }
}
