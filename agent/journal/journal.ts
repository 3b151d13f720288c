import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Gap, Reading } from '../readings/reading.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { Committer, isPassing } from './committer.ts';
import { Cursors } from './cursors.ts';
import { COLLECTOR_BUSY_MS, journalPath, openForWriting, storageError } from './database.ts';
import type { Entry, Held } from './entry.ts';
import { Inbox, type Posts } from './inbox.ts';
import { CollectorLock } from './lock.ts';
import { HELD_HINT, Placer } from './placer.ts';
import type { KnownClock } from './recall.ts';
import { applyRetention, type RetentionLimits } from './retention.ts';
import { RUNTIME_DIRECTORY_KEY, type RuntimeDirectory, runtimeDirectory } from './runtime-directory.ts';
import { SPOOL_GENERATION_KEY, SPOOL_NAME, Spool } from './spool.ts';
import { State } from './state.ts';
import { TAIL_NAME, Tail } from './tail.ts';

export interface JournalOptions extends RetentionLimits {
  stateDir: string;
  /** Longest time until a reading is durable on the card: what a power cut can cost. */
  flushIntervalMs: number;
  /** Longest time until it is in the database; by default COMMIT_INTERVAL_MS. */
  commitIntervalMs?: number;
  log: Logger;
}

/** A commit writes about four pages beyond its data; thirty flushes share them. */
const COMMIT_INTERVAL_MS = 300_000;
/** While the disk refuses everything, this many entries wait in memory (five hours of one meter); then the oldest go. */
const MOST_PENDING = 20_000;
/** Dropping one by one would rewrite the tail each second. */
const DROPPED_AT_ONCE = 1000;

const ASIDE =
  'these seconds have another reading already, which stays; the second ones are set aside: was the clock set back?';

/**
 * The collector's side of the journal. An appended reading is in the tail (in memory, outliving the process) before
 * `append` returns, in the spool (on the card, synced) within the flush interval, and in the database soon after.
 */
export class Journal {
  readonly state: State;
  readonly cursors: Cursors;
  readonly runtime: RuntimeDirectory;
  readonly #options: JournalOptions;
  readonly #lock: CollectorLock;
  readonly #db: DatabaseSync;
  readonly #committer: Committer;
  readonly #placer: Placer;
  readonly #inbox: Inbox;
  readonly #tail: Tail;
  readonly #spool: Spool;
  /** In the tail only. */
  #pending: Entry[] = [];
  /** In the spool, not in the database: one batch a flush. */
  #spooled: Entry[][] = [];
  #timer: NodeJS.Timeout | undefined;
  /** The timer is for something that is pending. */
  #waiting = false;
  #committedMs = performance.now();
  #retaining = false;
  #failing = false;

  private constructor(options: JournalOptions, lock: CollectorLock, db: DatabaseSync) {
    this.#options = options;
    this.#lock = lock;
    this.#db = db;
    this.state = new State(db);
    this.#committer = new Committer(db, this.state);
    this.#placer = new Placer(this.state, options.log);
    this.cursors = new Cursors(db);
    this.runtime = runtimeDirectory(options.stateDir);
    this.#inbox = new Inbox(this.runtime.path, options.log);
    this.#tail = new Tail(join(this.runtime.path, TAIL_NAME));
    this.#spool = this.#adopt();
    db.exec(`PRAGMA busy_timeout = ${COLLECTOR_BUSY_MS}`);
    this.#flushLater(this.#pending.length > 0);
  }

  /** @throws AgentError `locked` when another collector holds the directory; `storage`, `permission` otherwise */
  static open(options: JournalOptions): Journal {
    const db = openForWriting(options.stateDir);
    let lock: CollectorLock | undefined;
    try {
      lock = CollectorLock.acquire(options.stateDir);
      return new Journal(options, lock, db);
    } catch (error) {
      lock?.release();
      db.close();
      throw storageError(journalPath(options.stateDir), error);
    }
  }

  /**
   * @param decimals places that each value is exact to; values without are stored as float64
   * @param held when its time is by a clock that may be wrong: nobody sees it until setClock() knows better
   */
  append(reading: Reading, decimals: Readonly<Record<string, number>>, held?: Held): void {
    this.#add({ kind: 'reading', reading, decimals, held });
  }

  appendGap(gap: Gap, held?: Held): void {
    this.#add({ kind: 'gap', gap, held });
  }

  /**
   * How the clock goes, now that it is known: what is held gets its times, before anything that is appended from now on.
   * @param clock undefined: it cannot be trusted; until then the journal trusts it
   */
  setClock(clock: KnownClock | undefined): void {
    this.#inbox.setClock(clock);
    if (!clock) return;
    this.#commit();
    this.#placer.begin(this.#db, clock);
    this.#commit();
  }

  /** Makes what is pending durable now. A disk that refuses keeps it pending: retried at the next interval. */
  flush(): void {
    const posts = this.#takePosts();
    const { commitIntervalMs = COMMIT_INTERVAL_MS } = this.#options;
    const waited = performance.now() - this.#committedMs >= commitIntervalMs;
    const due = waited || this.#placer.busy || !this.#committer.knows(this.#pending);
    if (due || !this.#spoolPending()) this.#commit();
    this.#settle(posts);
    this.#retain();
    this.#flushLater(this.#pending.length > 0);
  }

  close(): void {
    clearTimeout(this.#timer);
    const posts = this.#takePosts();
    this.#commit();
    this.#settle(posts);
    this.#retain();
    this.#tail.close();
    this.#spool.close();
    this.#lock.release();
    this.#inbox.commitLeft(this.#committer);
    this.#db.close();
  }

  /** @param waiting without anything pending it only looks for what others have posted */
  #flushLater(waiting: boolean): void {
    clearTimeout(this.#timer);
    this.#waiting = waiting;
    this.#timer = setTimeout(() => this.flush(), this.#options.flushIntervalMs);
  }

  #add(entry: Entry): void {
    this.#pending.push(entry);
    // After a reading, when the line is idle, and not wherever in the second the last look was.
    if (!this.#waiting) this.#flushLater(true);
    try {
      this.#tail.append(entry);
    } catch (error) {
      // The memory-backed place is full or gone: the card has to take each entry at once, unless it refuses as well.
      if (this.#failing) return;
      this.#options.log.warn(
        { reason: messageOf(error) },
        `the tail ${this.#tail.path} cannot be written: flushing at once`,
      );
      this.flush();
    }
  }

  /** What other processes have read of late goes the same way, but for the tail: it is in memory already. */
  #takePosts(): Posts | undefined {
    const posts = this.#inbox.take();
    this.#pending.push(...(posts?.entries ?? []));
    return posts;
  }

  /** Posts that are durable now go; others stay where they are until the next flush. */
  #settle(posts: Posts | undefined): void {
    if (!posts || posts.entries.length === 0) return;
    if (this.#pending.length === 0) {
      posts.remove();
      return;
    }
    const theirs = new Set(posts.entries);
    this.#pending = this.#pending.filter((entry) => !theirs.has(entry));
  }

  /** @returns false when the spool is full or cannot be written */
  #spoolPending(): boolean {
    if (this.#pending.length === 0) return true;
    try {
      if (!this.#spool.append(this.#pending)) return false;
    } catch (error) {
      this.#report(error);
      return false;
    }
    this.#spooled.push(this.#pending);
    this.#pending = [];
    this.#tail.clear();
    return true;
  }

  /** Everything into the database; while that is refused, what is pending goes into the spool. */
  #commit(): void {
    try {
      this.#store([...this.#spooled, this.#pending], this.#spool.generation);
      this.#spool.restart();
      this.#spooled = [];
      this.#pending = [];
      this.#tail.clear();
      this.#committedMs = performance.now();
      this.#retaining = true;
      if (this.#failing) this.#options.log.info('the journal can be written again');
      this.#failing = false;
      this.#placer.step(this.#db, this.#committer);
    } catch (error) {
      this.#report(error);
      this.#spoolPending();
      if (this.#pending.length > MOST_PENDING) this.#drop();
    }
  }

  #store(batches: readonly (readonly Entry[])[], spoolGeneration: number): void {
    const { log } = this.#options;
    const { refused, aside, dropped } = this.#committer.commit(batches, spoolGeneration);
    for (const { entry, reason } of refused) log.error({ entry, reason }, 'an entry cannot be stored and is dropped');
    if (aside > 0) log.error({ readings: aside, hint: HELD_HINT }, ASIDE);
    if (dropped > 0) log.error({ entries: dropped }, 'too much is held: the oldest entries are dropped');
  }

  #report(error: unknown): void {
    const problem = storageError(journalPath(this.#options.stateDir), error);
    const pending = this.#pending.length + this.#spooled.flat().length;
    if (!this.#failing) this.#options.log.error({ hint: problem.hint, pending }, problem.message);
    this.#failing = true;
  }

  #drop(): void {
    const dropped = this.#pending.length - MOST_PENDING + DROPPED_AT_ONCE;
    this.#pending.splice(0, dropped);
    this.#options.log.error({ dropped }, 'the journal cannot be written: the oldest waiting entries are dropped');
    try {
      this.#tail.rewrite(this.#pending);
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, `the tail ${this.#tail.path} cannot be written`);
    }
  }

  /** After each commit, and at the flushes after it while there is more to delete than one chunk. */
  #retain(): void {
    if (!this.#retaining) return;
    try {
      const { untaken, more } = applyRetention(this.#db, this.#options, Date.now());
      this.#retaining = more;
      if (untaken > 0) {
        this.#options.log.error({ readings: untaken }, 'retention deleted readings that a consumer had not taken yet');
      }
    } catch (error) {
      this.#options.log.warn(storageError(journalPath(this.#options.stateDir), error).message);
    }
  }

  /**
   * Commits what a collector that was cut off left in its spool and in its tail, which may lie elsewhere if that one ran in
   * other circumstances. While the disk refuses that, it stays where it is, and collecting begins all the same.
   */
  #adopt(): Spool {
    const path = join(this.#options.stateDir, SPOOL_NAME);
    const left = Spool.read(path);
    const committed = Number(this.state.load(SPOOL_GENERATION_KEY) ?? 0);
    const spooled = left.generation > committed ? left.batches : [];
    const before = this.state.load(RUNTIME_DIRECTORY_KEY);
    const places = new Set([this.runtime.path, ...(typeof before === 'string' ? [before] : [])]);
    const tails = [...places].map((place) => Tail.read(join(place, TAIL_NAME)));
    const entries = [...spooled, ...tails].flat().length;
    const generation = Math.max(left.generation, committed);
    const moved = before !== this.runtime.path;
    if (moved) this.state.remember(RUNTIME_DIRECTORY_KEY, this.runtime.path);
    try {
      if (entries > 0 || moved) this.#store([...spooled, ...tails], generation);
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#report(error);
      this.#spooled = spooled;
      this.#pending = tails.flat();
      this.#tail.rewrite(this.#pending);
      return new Spool(path, spooled.length > 0 ? left : { generation: generation + 1, end: 0 });
    }
    this.#tail.clear();
    if (entries > 0) {
      this.#options.log.info({ entries }, 'took over what a collector that was cut off had not committed');
    }
    return new Spool(path, { generation: generation + 1, end: 0 });
  }
}
