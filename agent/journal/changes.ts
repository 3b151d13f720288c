import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Position } from './cursors.ts';
import { firstKeyAt, SERIES_SLOTS } from './keys.ts';

/** A minute of a series in which readings came or changed. */
export interface ChangedMinute {
  /** Since 1970. */
  minute: number;
  /** Id of the series in this journal. */
  series: number;
}

export interface ChangesPortion {
  minutes: ChangedMinute[];
  position: Position;
  more: boolean;
}

const MINUTE_OF_KEY = 60_000 * SERIES_SLOTS;

/**
 * What changed in the database after a position, by minutes and not by readings: for a consumer that looks at the minutes
 * again. To be used within one read transaction.
 */
export class Changes {
  readonly #newest: StatementSync;
  readonly #aheadEnd: StatementSync;
  readonly #aheadNext: StatementSync;
  readonly #lateEnd: StatementSync;
  readonly #ahead: StatementSync;
  readonly #late: StatementSync;

  constructor(db: DatabaseSync) {
    this.#newest = db.prepare('SELECT coalesce(max(key), 0) AS key FROM reading');
    this.#aheadEnd = db.prepare('SELECT key FROM reading WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?');
    this.#lateEnd = db.prepare(
      'SELECT max(seq) AS last, count(*) AS n FROM (SELECT seq FROM late WHERE seq > ? ORDER BY seq LIMIT ?)',
    );
    const minutes = `SELECT DISTINCT key / ${MINUTE_OF_KEY} AS minute, key % ${SERIES_SLOTS} AS series`;
    this.#ahead = db.prepare(`${minutes} FROM reading WHERE key > ? AND key >= ? AND key < ?`);
    this.#aheadNext = db.prepare(`${minutes} FROM (SELECT key FROM reading WHERE key > ? ORDER BY key LIMIT ?)`);
    this.#late = db.prepare(`${minutes} FROM late WHERE seq > ? AND seq <= ? AND key >= ? AND key < ?`);
  }

  /** At most `limit` readings ahead, and as many that came late. */
  after(position: Position, limit: number): ChangesPortion {
    const ahead = this.#end(position.key, limit);
    const late = this.#lateEnd.get(position.late, limit) as { last: number | null; n: number };
    const next = { key: ahead.key, late: late.last ?? position.late };
    return {
      minutes: [
        ...this.#minutes(this.#late, position.late, next.late, 0, Number.MAX_SAFE_INTEGER),
        ...this.#minutes(this.#aheadNext, position.key, limit),
      ],
      position: next,
      more: ahead.more || late.n === limit,
    };
  }

  /**
   * The key of the last of the next readings as they lie in the tree. The largest may be one in which a bit has flipped, of a
   * year to come: who stands there takes nothing any more.
   */
  #end(afterKey: number, limit: number): { key: number; more: boolean } {
    const newest = Math.max(afterKey, Number(this.#newest.get()?.key));
    for (let offset = limit - 1; offset >= 0; offset--) {
      const row = this.#aheadEnd.get(afterKey, offset);
      if (!row) return { key: newest, more: false };
      const key = Number(row.key);
      if (key > afterKey && key <= newest) return { key, more: true };
    }
    return { key: newest, more: false };
  }

  /** All of a span of time, UTC ms. */
  within(position: Position, fromMs: number, toMs: number): ChangedMinute[] {
    const [from, to] = [firstKeyAt(fromMs), firstKeyAt(toMs)];
    return [
      ...this.#minutes(this.#late, position.late, Number.MAX_SAFE_INTEGER, from, to),
      ...this.#minutes(this.#ahead, position.key, from, to),
    ];
  }

  #minutes(statement: StatementSync, ...parameters: number[]): ChangedMinute[] {
    return statement.all(...parameters) as unknown as ChangedMinute[];
  }
}
