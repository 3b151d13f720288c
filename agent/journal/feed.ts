import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Reading } from '../readings/reading.ts';
import type { Position } from './cursors.ts';
import { openForReading } from './database.ts';
import { readingKey } from './keys.ts';
import { type ReadingRow, Rows } from './rows.ts';
import { Waiting } from './waiting.ts';

/** A reading with the position that taking it, and all before it, means. */
export interface Delivery {
  /** Its time and series (keys.ts). */
  key: number;
  reading: Reading;
  position: Position;
}

/** A row whose data comes as text: node:sqlite makes an ArrayBuffer of each blob, which keeps the garbage collector busy. */
type HexRow = Omit<ReadingRow, 'data'> & { data: string };

/** The journal as a consumer takes it: every durable reading once, those that arrived late included. */
export class Feed {
  readonly #db: DatabaseSync;
  readonly #rows: Rows;
  readonly #waiting: Waiting;
  readonly #lastLate: StatementSync;
  readonly #lateRows: StatementSync;
  readonly #next: StatementSync;

  constructor(stateDir: string) {
    const db = openForReading(stateDir);
    this.#db = db;
    this.#rows = new Rows(db);
    this.#waiting = new Waiting(stateDir, db);
    this.#lastLate = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM late');
    this.#lateRows = db.prepare(
      `SELECT l.seq, r.key, r.layout, r.data FROM late l JOIN reading r ON r.key = l.key
       WHERE l.seq > ? AND l.key <= ? ORDER BY l.seq LIMIT ?`,
    );
    this.#next = db.prepare('SELECT key, layout, hex(data) AS data FROM reading WHERE key > ? ORDER BY key LIMIT ?');
  }

  /**
   * What comes after a position: first what arrived late behind it, once that is committed, then readings beyond it, oldest
   * first.
   */
  after(position: Position, limit: number): Delivery[] {
    let { late } = position;
    const lastLate = Number(this.#lastLate.get()?.seq ?? 0);
    const lateRows = this.#lateRows.all(late, position.key, limit) as unknown as (ReadingRow & { seq: number })[];
    const taken: Delivery[] = lateRows.map((row) => {
      late = row.seq;
      return { key: row.key, reading: this.#rows.reading(row), position: { key: position.key, late } };
    });
    const rest = limit - taken.length;
    if (rest === 0) return taken;
    // What is late but lies ahead of the position comes in its order below.
    late = Math.max(late, lastLate);
    for (const [key, reading] of this.#ahead(position.key, rest)) taken.push({ key, reading, position: { key, late } });
    return taken;
  }

  /** The next readings by key, in order. */
  #ahead(afterKey: number, limit: number): (readonly [number, Reading])[] {
    const read = () => (this.#next.all(afterKey, limit) as unknown as HexRow[]).map(this.#keyed);
    const committed = read();
    if (committed.length === limit) return committed;
    // Spool before database: what is committed in between is seen twice, never missed.
    const spooled = this.#spooled();
    const ahead = new Map(read());
    for (const [key, reading] of spooled) if (key > afterKey && !ahead.has(key)) ahead.set(key, reading);
    return [...ahead].sort(([a], [b]) => a - b).slice(0, limit);
  }

  readonly #keyed = ({ key, layout, data }: HexRow) =>
    [key, this.#rows.reading({ key, layout, data: Buffer.from(data, 'hex') })] as const;

  close(): void {
    this.#db.close();
  }

  /** The readings of the spool by key, up to the first flush with a series that has no id before it is committed. */
  #spooled(): Map<number, Reading> {
    const found = new Map<number, Reading>();
    for (const batch of this.#waiting.flushes()) {
      const readings = batch.flatMap((entry) => (entry.kind === 'reading' ? [entry.reading] : []));
      const ids = readings.map(({ series }) => this.#rows.idOf(series));
      if (ids.includes(undefined)) break;
      readings.forEach((reading, i) => {
        const key = readingKey(reading.timeMs, ids[i] ?? 0);
        if (!found.has(key)) found.set(key, reading);
      });
    }
    return found;
  }
}
