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
  readonly #aheadEnd: StatementSync;
  readonly #lateEnd: StatementSync;
  readonly #ahead: StatementSync;
  readonly #late: StatementSync;

  constructor(db: DatabaseSync) {
    this.#aheadEnd = db.prepare(
      'SELECT max(key) AS last, count(*) AS n FROM (SELECT key FROM reading WHERE key > ? ORDER BY key LIMIT ?)',
    );
    this.#lateEnd = db.prepare(
      'SELECT max(seq) AS last, count(*) AS n FROM (SELECT seq FROM late WHERE seq > ? ORDER BY seq LIMIT ?)',
    );
    const minutes = `SELECT DISTINCT key / ${MINUTE_OF_KEY} AS minute, key % ${SERIES_SLOTS} AS series`;
    this.#ahead = db.prepare(`${minutes} FROM reading WHERE key > ? AND key >= ? AND key < ?`);
    this.#late = db.prepare(`${minutes} FROM late WHERE seq > ? AND seq <= ? AND key >= ? AND key < ?`);
  }

  /** At most `limit` readings ahead, and as many that came late. */
  after(position: Position, limit: number): ChangesPortion {
    const ahead = this.#aheadEnd.get(position.key, limit) as { last: number | null; n: number };
    const late = this.#lateEnd.get(position.late, limit) as { last: number | null; n: number };
    const next = { key: ahead.last ?? position.key, late: late.last ?? position.late };
    return {
      minutes: [
        ...this.#minutes(this.#late, position.late, next.late, 0, Number.MAX_SAFE_INTEGER),
        ...this.#minutes(this.#ahead, position.key, 0, next.key + 1),
      ],
      position: next,
      more: ahead.n === limit || late.n === limit,
    };
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
