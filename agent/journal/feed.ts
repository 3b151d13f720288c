import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Reading } from '../readings/reading.ts';
import type { Position } from './cursors.ts';
import { damageIn, requireOrder } from './damage.ts';
import { type Guarded, guardedReads } from './damage-note.ts';
import { openForReading } from './database.ts';
import { readingKey, SERIES_SLOTS } from './keys.ts';
import { type ReadingRow, Rows } from './rows.ts';
import { Waiting } from './waiting.ts';

/** A reading with its time and series in one number (keys.ts). */
export interface Delivery {
  key: number;
  reading: Reading;
}

/** What comes next for a consumer. */
export interface Portion {
  /** First what arrived late behind its position, once that is committed, then readings beyond it, oldest first. */
  deliveries: Delivery[];
  /** Where it is when it has taken them; it can move on without any. */
  position: Position;
  /** There is more already. */
  more: boolean;
}

export interface FeedOptions {
  /** Only readings of measurements that it says yes to; by default all. */
  wants?: (measurement: string) => boolean;
  /** Told of a row that cannot be read; it is left out. */
  onDamaged?: (key: number, error: unknown) => void;
}

/** A row whose data comes as text: node:sqlite makes an ArrayBuffer of each blob, which keeps the garbage collector busy. */
type HexRow = Omit<ReadingRow, 'data'> & { data: string };

type Query = Record<'late' | 'next' | 'countLate' | 'countAhead', StatementSync>;

/** The journal as a consumer takes it: every durable reading once, those that arrived late included. */
export class Feed {
  readonly #db: DatabaseSync;
  readonly #options: FeedOptions;
  readonly #rows: Rows;
  readonly #waiting: Waiting;
  readonly #guarded: Guarded;
  readonly #lastLate: StatementSync;
  readonly #newest: StatementSync;
  readonly #allSeries: StatementSync;
  /** By the ids of the series that are wanted. */
  readonly #queries = new Map<string, Query>();

  /** @throws AgentError, as all of its methods do when the file is damaged */
  constructor(stateDir: string, options: FeedOptions = {}) {
    this.#guarded = guardedReads(stateDir, () => this.#waiting?.runtimeDirectory());
    const db = this.#guarded(() => openForReading(stateDir));
    this.#db = db;
    this.#options = options;
    this.#rows = new Rows(db);
    this.#waiting = new Waiting(stateDir, db);
    this.#lastLate = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM late');
    this.#newest = db.prepare('SELECT coalesce(max(key), 0) AS key FROM reading');
    this.#allSeries = db.prepare('SELECT id, measurement FROM series');
  }

  /** At most `limit` readings after a position; late ones are half of them at most, so that an import holds up nothing. */
  after(position: Position, limit: number): Portion {
    return this.#guarded(() => this.#after(position, limit));
  }

  #after(position: Position, limit: number): Portion {
    // These before the readings: what comes in between is behind them, or gets a later number.
    const newest = Number(this.#newest.get()?.key);
    const lastLate = Number(this.#lastLate.get()?.seq);
    const { late, next } = this.#query();
    const lateLimit = Math.ceil(limit / 2);
    const lateRows = late.all(position.late, position.key, lateLimit) as unknown as (HexRow & { seq: number })[];
    const lateLeft = lateRows.length === lateLimit;
    const aheadLimit = limit - lateRows.length;
    const ahead = this.#ahead(next, position.key, aheadLimit);
    const aheadLeft = ahead.length === aheadLimit;
    const lastKey = lastKeyOf(ahead, position.key, newest);
    const deliveries: Delivery[] = [];
    for (const [key, reading] of [...lateRows.map(this.#keyed), ...ahead]) {
      if (reading) deliveries.push({ key, reading });
    }
    return {
      deliveries,
      position: {
        key: aheadLeft ? lastKey : Math.max(lastKey, newest),
        // What is late but lies ahead of the position comes in its order.
        late: lateLeft ? (lateRows.at(-1)?.seq ?? position.late) : Math.max(position.late, lastLate),
      },
      more: lateLeft || aheadLeft,
    };
  }

  /** Is there anything that it wants, or was there ever? */
  hasSeries(): boolean {
    const all = this.#guarded(() => this.#allSeries.all()) as unknown as { measurement: string }[];
    return all.some((row) => this.#wants(row.measurement));
  }

  /** How many readings come after a position, counted up to a bound. */
  count(position: Position, atMost: number): number {
    return this.#guarded(() => this.#count(position, atMost));
  }

  #count({ key, late }: Position, atMost: number): number {
    const spooled = [...this.#spooled().keys()].filter((spooledKey) => spooledKey > key).length;
    const statements = this.#query();
    const committed =
      Number(statements.countAhead.get(key, atMost)?.n) + Number(statements.countLate.get(late, key)?.n);
    return Math.min(committed + spooled, atMost);
  }

  close(): void {
    this.#db.close();
  }

  #query(): Query {
    const all = this.#allSeries.all() as { id: number; measurement: string }[];
    const wanted = all.filter(({ measurement }) => this.#wants(measurement)).map(({ id }) => id);
    const ids = wanted.length === all.length ? 'all' : wanted.join(',');
    let query = this.#queries.get(ids);
    if (!query) {
      const isWanted = ids === 'all' ? '' : `AND key % ${SERIES_SLOTS} IN (${ids})`;
      const late = `FROM late JOIN reading USING (key) WHERE seq > ? AND key <= ? ${isWanted}`;
      const ahead = `FROM reading WHERE key > ? ${isWanted}`;
      query = {
        late: this.#db.prepare(`SELECT seq, key, layout, hex(data) AS data ${late} ORDER BY seq LIMIT ?`),
        next: this.#db.prepare(`SELECT key, layout, hex(data) AS data ${ahead} ORDER BY key LIMIT ?`),
        countLate: this.#db.prepare(`SELECT count(*) AS n ${late}`),
        countAhead: this.#db.prepare(`SELECT count(*) AS n FROM (SELECT 1 ${ahead} LIMIT ?)`),
      };
      this.#queries.set(ids, query);
    }
    return query;
  }

  /** The next readings by key, in order; undefined for one that cannot be read. */
  #ahead(next: StatementSync, afterKey: number, limit: number): (readonly [number, Reading | undefined])[] {
    const read = () => {
      const rows = next.all(afterKey, limit) as unknown as HexRow[];
      for (const [i, { key }] of rows.entries()) requireOrder(rows[i - 1]?.key ?? 0, key);
      return rows.map(this.#keyed);
    };
    const committed = read();
    if (committed.length === limit) return committed;
    // Spool before database: what is committed in between is seen twice, never missed.
    const spooled = this.#spooled();
    const ahead = new Map(read());
    for (const [key, reading] of spooled) if (key > afterKey && !ahead.has(key)) ahead.set(key, reading);
    return [...ahead].sort(([a], [b]) => a - b).slice(0, limit);
  }

  readonly #keyed = ({ key, layout, data }: HexRow): readonly [number, Reading | undefined] => {
    try {
      return [key, this.#rows.reading({ key, layout, data: Buffer.from(data, 'hex') })];
    } catch (error) {
      if (damageIn(error) !== 'no') throw error;
      this.#options.onDamaged?.(key, error);
      return [key, undefined];
    }
  };

  /** The readings of the spool by key, up to the first flush with a series that has no id before it is committed. */
  #spooled(): Map<number, Reading> {
    const found = new Map<number, Reading>();
    for (const batch of this.#waiting.flushes()) {
      const readings = batch.flatMap((entry) => (entry.kind === 'reading' ? [entry.reading] : []));
      const ids = readings.map(({ series }) => this.#rows.idOf(series));
      if (ids.includes(undefined)) break;
      readings.forEach((reading, i) => {
        const key = readingKey(reading.timeMs, ids[i] ?? 0);
        if (!found.has(key) && this.#wants(reading.series.measurement)) found.set(key, reading);
      });
    }
    return found;
  }

  #wants(measurement: string): boolean {
    return this.#options.wants?.(measurement) ?? true;
  }
}

/**
 * Where a consumer stands that has taken these. A key of a reading that is damaged may be damaged itself: of a year to come,
 * it would keep its consumer from all that follows; of before, it would bring the same again for ever.
 */
function lastKeyOf(
  ahead: readonly (readonly [number, Reading | undefined])[],
  afterKey: number,
  newest: number,
): number {
  const right = ahead.findLast(([, reading]) => reading !== undefined)?.[0];
  if (right !== undefined) return right;
  const plausible = ahead.map(([key]) => key).filter((key) => key > afterKey && key <= newest);
  return plausible.at(-1) ?? (ahead.length === 0 ? afterKey : Math.max(afterKey, newest));
}
