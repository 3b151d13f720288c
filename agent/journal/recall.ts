import type { DatabaseSync } from 'node:sqlite';
import type { ClockStamp } from '../system/clock.ts';
import type { Logger } from '../system/logging.ts';
import type { Committer } from './committer.ts';
import { damageIn } from './damage.ts';
import type { Entry } from './entry.ts';
import { type HeldStore, LARGEST_GRID_MS } from './held.ts';
import { firstKeyAt, SERIES_SLOTS, seriesOfKey, timeOfKey } from './keys.ts';
import { type GapRow, type ReadingRow, Rows } from './rows.ts';
import { State } from './state.ts';
import { noteWithdrawn } from './withdrawn.ts';

/** A clock, and whether a time server or a real-time clock speaks for it. */
export interface KnownClock extends ClockStamp {
  confirmed: boolean;
}

/** Readings that were stored by a clock that nobody had confirmed; the last one goes on while it has no end. */
interface Stretch extends ClockStamp {
  /** Keys (keys.ts) of its first reading, and behind its last one. */
  fromKey: number;
  endKey?: number;
}

/** A stretch that is being taken back. */
interface Job extends Stretch {
  endKey: number;
  /** By how much its clock was behind. */
  deltaMs: number;
  /** Its gaps are taken back. */
  begun?: true;
  /** All of it is held now, and perhaps not placed yet. */
  done?: true;
}

const STRETCHES_KEY = 'clock/stretches';
/** Less can be drift, which came little by little. */
const LEAST_MS = 60_000;
const MOST_DRIFT = 2e-4;
const LONGEST_INTERVAL_MS = 3_600_000;
/** Rows in one transaction: short enough that the collector's second is not disturbed. */
const CHUNK = 1000;

/**
 * Takes back what was stored by a clock that was believed because nobody said otherwise, when a time server says otherwise in
 * the same boot: by how much it was wrong is known then. The readings are held again and placed anew. Servers and other
 * consumers that have taken them get them once more, and keep what they have at the wrong times.
 */
export class Recall {
  readonly #state: State;
  readonly #log: Logger;
  #jobs: Job[] = [];
  #wrong: readonly Job[] = [];
  /** Of boots that ended in the middle of it. */
  #earlier: readonly Job[] = [];
  /** Of the series of the job under way. */
  readonly #grids = new Map<number, number>();

  constructor(state: State, log: Logger) {
    this.#state = state;
    this.#log = log;
  }

  get busy(): boolean {
    return this.#jobs.length > 0;
  }

  /** To be called before anything that is read by this clock is stored. */
  begin(db: DatabaseSync, clock: KnownClock): void {
    const { boot, offsetMs, confirmed } = clock;
    const endKey = newestKey(db) + 1;
    const saved = (this.#state.load(STRETCHES_KEY) as (Stretch | Job)[] | undefined) ?? [];
    const stretches = saved.filter((stretch) => stretch.boot === boot && !isDone(stretch));
    this.#earlier = saved.filter((one): one is Job => one.boot !== boot && isJob(one) && isOpen(db, one));
    const before = this.#jobs;
    const goingOn = this.#earlier.filter((job) => !isDone(job));
    if (confirmed) {
      const own = stretches
        .map((stretch): Job => ({ endKey, ...stretch, deltaMs: offsetMs - stretch.offsetMs }))
        .filter(isWrong);
      this.#jobs = [...goingOn, ...own];
      this.#wrong = this.#jobs;
      if (saved.length > 0) this.#state.remember(STRETCHES_KEY, [...this.#earlier, ...own]);
    } else {
      this.#jobs = [...goingOn, ...before.filter((job) => job.boot === boot)];
      this.#wrong = [...goingOn, ...this.#wrong];
      this.#goOnUnconfirmed(clock, stretches, endKey);
    }
    for (const job of this.#jobs) if (!before.some((known) => known.boot === job.boot)) this.#say(job);
  }

  #goOnUnconfirmed({ boot, offsetMs }: KnownClock, stretches: readonly Stretch[], endKey: number): void {
    const last = stretches.at(-1);
    if (last?.endKey !== undefined || Math.abs((last?.offsetMs ?? Number.NaN) - offsetMs) >= LEAST_MS || !last) {
      const ended = stretches.map((stretch) => ({ endKey, ...stretch }));
      // Of this clock is nothing from before the boot, but for the point that was under way.
      const fromKey = Math.max(endKey, firstKeyAt(offsetMs - LONGEST_INTERVAL_MS));
      this.#state.remember(STRETCHES_KEY, [...this.#earlier, ...ended, { boot, offsetMs, fromKey }]);
    }
  }

  /** How the clock went in truth in an earlier boot, which ended before all was placed that was taken back. */
  clockOf(boot: string): ClockStamp | undefined {
    const job = this.#earlier.find((one) => one.boot === boot);
    return job && { boot, offsetMs: job.offsetMs + job.deltaMs };
  }

  /** Does this follow a reading of a stretch that is taken back? Then a step of the clock from there is none. */
  follows(timeMs: number): boolean {
    return this.#wrong.some(
      ({ fromKey, endKey }) => timeMs > timeOfKey(fromKey) && timeMs <= timeOfKey(endKey) + LONGEST_INTERVAL_MS,
    );
  }

  /** Takes a chunk back. @throws what SQLite throws when the disk is full or the database locked; nothing is changed then */
  step(db: DatabaseSync, committer: Committer): void {
    const [job, ...others] = this.#jobs;
    if (!job) return;
    // Where the others go there is room.
    const newestFirst = job.deltaMs > 0;
    const rows = db
      .prepare(
        `SELECT key, layout, data FROM reading WHERE key >= ? AND key < ? ORDER BY key ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`,
      )
      .all(job.fromKey, job.endKey, CHUNK) as unknown as ReadingRow[];
    const key = rows.at(-1)?.key ?? 0;
    const rest: Job = { ...job, begun: true, ...(newestFirst ? { endKey: key } : { fromKey: key + 1 }) };
    const left = rows.length < CHUNK ? others : [rest, ...others];
    const saved = (this.#state.load(STRETCHES_KEY) as (Stretch | Job)[] | undefined) ?? [];
    const noted = saved.filter((one) => !isJob(one) || isDone(one));
    const ended: Job[] = rows.length < CHUNK ? [{ ...rest, done: true }] : [];
    for (const row of rows) {
      const [series, timeMs] = [seriesOfKey(row.key), timeOfKey(row.key)];
      if (timeMs % LARGEST_GRID_MS !== 0) this.#grids.set(series, 1);
    }
    const newestBefore = newestKey(db);
    const reader = new Rows(db);
    committer.commit([], undefined, (held) => {
      if (!job.begun) this.#holdGaps(db, job, held);
      const entries = rows.flatMap((row) => {
        const entry = this.#entry(reader, row, job);
        // What is damaged has no time worth to be put right.
        return entry ? [{ key: row.key, entry }] : [];
      });
      for (const { entry } of entries) held.put(entry);
      for (const { key: gone } of entries) db.prepare('DELETE FROM reading WHERE key = ?').run(gone);
      noteWithdrawn(
        db,
        entries.map(({ key: gone }) => gone),
      );
      if (newestKey(db) < newestBefore) setBack(db);
      this.#state.save(STRETCHES_KEY, [...ended, ...left, ...noted]);
    });
    this.#jobs = left;
    if (left.length === others.length) this.#grids.clear();
  }

  #entry(reader: Rows, row: ReadingRow, { boot, offsetMs }: Job): Entry | undefined {
    const gridMs = this.#grids.get(seriesOfKey(row.key)) ?? LARGEST_GRID_MS;
    const held = { boot, offsetMs, gridMs };
    try {
      const layout = reader.layout(row.layout);
      const exact = layout.flatMap(({ name, decimals }) => (decimals === null ? [] : [[name, decimals] as const]));
      return { kind: 'reading', reading: reader.reading(row), decimals: Object.fromEntries(exact), held };
    } catch (error) {
      if (damageIn(error) !== 'no') throw error;
      return undefined;
    }
  }

  /** With the first chunk: a gap before the first reading of its series begins at a time that is right. */
  #holdGaps(db: DatabaseSync, { boot, offsetMs, fromKey, endKey }: Job, held: HeldStore): void {
    const gaps = db
      .prepare('SELECT series, from_time, to_time, cause FROM gap WHERE to_time >= ? AND from_time < ?')
      .all(timeOfKey(fromKey), timeOfKey(endKey)) as unknown as GapRow[];
    const reader = new Rows(db);
    const before = db.prepare(`SELECT 1 FROM reading WHERE key >= ? AND key < ? AND key % ${SERIES_SLOTS} = ? LIMIT 1`);
    for (const row of gaps) {
      const gap = reader.gap(row);
      const isFirst = before.get(fromKey, firstKeyAt(gap.fromMs), row.series) === undefined;
      const gridMs = this.#grids.get(row.series) ?? LARGEST_GRID_MS;
      held.put({ kind: 'gap', gap, held: { boot, offsetMs, gridMs, ...(isFirst ? { fromMs: gap.fromMs } : {}) } });
      db.prepare('DELETE FROM gap WHERE series = ? AND from_time = ?').run(row.series, row.from_time);
    }
  }

  #say({ fromKey, endKey, deltaMs }: Job): void {
    const time = (key: number) => new Date(timeOfKey(key)).toISOString();
    this.#log.warn(
      {
        from: time(fromKey),
        to: time(endKey - 1),
        seconds: Math.round(deltaMs) / 1000,
        hint: 'servers that have got it keep it at the wrong times as well: delete it there',
      },
      'the clock that nobody had confirmed was wrong: what was stored by it moves to its true times',
    );
  }
}

/** Is something held because it was taken back, and was not placed yet? */
export function isTakenBack(db: DatabaseSync): boolean {
  const stretches = (new State(db).load(STRETCHES_KEY) as (Stretch | Job)[] | undefined) ?? [];
  const isHeld = db.prepare('SELECT 1 FROM held WHERE boot = ? LIMIT 1');
  return stretches.some((one) => isJob(one) && one.begun === true && isHeld.get(one.boot) !== undefined);
}

const isJob = (one: Stretch | Job): one is Job => 'deltaMs' in one;
const isDone = (one: Stretch | Job): boolean => isJob(one) && one.done === true;

/** Is anything of it still at its wrong time, or held? */
function isOpen(db: DatabaseSync, job: Job): boolean {
  return !isDone(job) || db.prepare('SELECT 1 FROM held WHERE boot = ? LIMIT 1').get(job.boot) !== undefined;
}

function isWrong({ fromKey, endKey, deltaMs }: Job): boolean {
  const lastedMs = timeOfKey(endKey) - timeOfKey(fromKey);
  return endKey > fromKey && Math.abs(deltaMs) >= Math.max(LEAST_MS, MOST_DRIFT * lastedMs);
}

/**
 * No consumer may stand beyond the newest reading: it would not get what comes behind that now. Where it stands only it knows,
 * so each one begins again where it was saved last.
 */
function setBack(db: DatabaseSync): void {
  db.prepare('UPDATE cursor SET key = min(key, ?), generation = generation + 1').run(newestKey(db));
}

function newestKey(db: DatabaseSync): number {
  return Number(db.prepare('SELECT coalesce(max(key), 0) AS key FROM reading').get()?.key);
}
