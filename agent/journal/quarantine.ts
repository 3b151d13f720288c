import type { DatabaseSync } from 'node:sqlite';

/** A reading that a consumer's server can never take. */
export interface Refused {
  consumer: string;
  /** Time and series (keys.ts). */
  key: number;
  /** What was sent. */
  line: string;
  /** The server's words. */
  reason: string;
  /** UTC ms of the refusal. */
  refusedMs: number;
}

/** What servers refused, set aside so that it holds up nothing behind it. The readings themselves stay in the journal. */
export class Quarantine {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  add({ consumer, key, line, reason, refusedMs }: Refused): void {
    this.#db
      .prepare(
        `INSERT INTO quarantine (consumer, key, line, reason, refused_time) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (consumer, key) DO UPDATE SET line = excluded.line, reason = excluded.reason,
           refused_time = excluded.refused_time`,
      )
      .run(consumer, key, line, reason, refusedMs);
  }

  /** Oldest reading first. */
  list(consumer?: string, limit = 1000): Refused[] {
    const rows = this.#db
      .prepare(
        `SELECT consumer, key, line, reason, refused_time AS refusedMs FROM quarantine
         WHERE ?1 IS NULL OR consumer = ?1 ORDER BY consumer, key LIMIT ?2`,
      )
      .all(consumer ?? null, limit);
    return rows as unknown as Refused[];
  }

  count(consumer?: string): number {
    const row = this.#db
      .prepare('SELECT count(*) AS n FROM quarantine WHERE ?1 IS NULL OR consumer = ?1')
      .get(consumer ?? null) as { n: number };
    return row.n;
  }

  remove({ consumer, key }: Pick<Refused, 'consumer' | 'key'>): void {
    this.#db.prepare('DELETE FROM quarantine WHERE consumer = ? AND key = ?').run(consumer, key);
  }

  /** @returns how many there were */
  clear(consumer?: string): number {
    return Number(
      this.#db.prepare('DELETE FROM quarantine WHERE ?1 IS NULL OR consumer = ?1').run(consumer ?? null).changes,
    );
  }
}
