import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Gap, Reading } from '../readings/reading.ts';
import { messageOf } from '../system/errors.ts';
import { ClockChanges } from './clock-changes.ts';
import { isPassing } from './committer.ts';
import type { Cursors } from './cursors.ts';
import { damageTold } from './damage-note.ts';
import { ensureStateDir, journalPath, storageError } from './database.ts';
import type { Entry, Held } from './entry.ts';
import { Inbox, type Posts } from './inbox.ts';
import { findLeftovers } from './leftovers.ts';
import { CollectorLock } from './lock.ts';
import type { JournalOptions } from './options.ts';
import { Placer } from './placer.ts';
import { type JournalReader, readOnce } from './reader.ts';
import type { KnownClock } from './recall.ts';
import { Retainer, reportCommit } from './retainer.ts';
import { type RuntimeDirectory, runtimeDirectory } from './runtime-directory.ts';
import { BackgroundSalvage } from './salvage/background.ts';
import type { Spool } from './spool.ts';
import { State } from './state.ts';
import { StoreKeeper } from './store.ts';
import { TAIL_NAME, Tail } from './tail.ts';
import { type JournalStatus, Trouble } from './trouble.ts';

/** A commit writes about four pages beyond its data; thirty flushes share them. */
const COMMIT_INTERVAL_MS = 300_000;
/** While the disk refuses everything, this many entries wait in memory (five hours of one meter); then the oldest go. */
const MOST_PENDING = 20_000;
/** Dropping one by one would rewrite the tail each second. */
const DROPPED_AT_ONCE = 1000;

/**
 * The collector's side of the journal. An appended reading is in the tail (in memory, outliving the process) before
 * `append` returns, in the spool (on the card, synced) within the flush interval, and in the database soon after.
 */
export class Journal {
  readonly state = new State(undefined);
  readonly runtime: RuntimeDirectory;
  readonly #options: JournalOptions;
  readonly #lock: CollectorLock;
  readonly #store: StoreKeeper;
  readonly #trouble: Trouble;
  readonly #salvage: BackgroundSalvage;
  readonly #placer: Placer;
  readonly #retainer: Retainer;
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
  readonly #clocks = new ClockChanges();

  private constructor(options: JournalOptions, lock: CollectorLock) {
    const { stateDir, log } = options;
    this.#options = options;
    this.#lock = lock;
    this.#trouble = new Trouble(journalPath(stateDir), log);
    this.#salvage = new BackgroundSalvage(stateDir, log, () => this.#placer.lookAgain());
    const onOpen = (db: DatabaseSync) => (options.salvage === false ? undefined : this.#salvage.begin(db));
    this.runtime = runtimeDirectory(stateDir);
    this.#store = new StoreKeeper({ stateDir, runtimeDirectory: this.runtime.path, state: this.state, log, onOpen });
    this.#retainer = new Retainer(options);
    this.#placer = new Placer(this.state, log);
    this.#inbox = new Inbox(this.runtime.path, log);
    this.#tail = new Tail(join(this.runtime.path, TAIL_NAME));
    try {
      this.#spool = this.#adopt();
    } catch (error) {
      this.#salvage.end();
      this.#store.close();
      throw error;
    }
    this.#flushLater(this.#pending.length > 0);
  }

  /**
   * A journal that is damaged is set aside; where none can be opened for want of room, collecting begins in spool and memory.
   * @throws AgentError `locked` when another collector holds the directory; `storage`, `permission` otherwise
   */
  static open(options: JournalOptions): Journal {
    ensureStateDir(options.stateDir);
    const lock = CollectorLock.acquire(options.stateDir);
    try {
      return new Journal(options, lock);
    } catch (error) {
      lock.release();
      throw storageError(journalPath(options.stateDir), error);
    }
  }

  /** @throws AgentError while the journal cannot be opened */
  get cursors(): Cursors {
    return this.#store.use(({ cursors }) => cursors);
  }

  get status(): JournalStatus {
    return { pending: this.#pending.length + this.#spooled.flat().length, problem: this.#trouble.problem };
  }

  /** Looks something up in what is there already; undefined where that cannot be read, which is no reason not to collect. */
  lookUp<T>(look: (reader: JournalReader) => T): T | undefined {
    try {
      return this.#store.use(() => readOnce(this.#options.stateDir, look));
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'what the journal has already cannot be looked up');
      return undefined;
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
    this.#clocks.add(clock, [...this.#spooled.flat(), ...this.#pending]);
    this.#commit();
  }

  /** Makes what is pending durable now. A disk that refuses keeps it pending: retried at the next interval. */
  flush(): void {
    const posts = this.#takePosts();
    const { commitIntervalMs = COMMIT_INTERVAL_MS } = this.#options;
    const told = damageTold(this.runtime.path, this.#options.stateDir);
    if (told) this.#store.distrust(told);
    const waited = performance.now() - this.#committedMs >= commitIntervalMs;
    // While no database is open, everything can wait in the spool.
    const known = !this.#store.isOpen || this.#store.use(({ committer }) => committer.knows(this.#pending));
    const due = told || waited || this.#placer.busy || !known;
    if (due || !this.#spoolPending()) this.#commit();
    this.#settle(posts);
    this.#retainer.step(this.#store);
    this.#flushLater(this.#pending.length > 0);
  }

  close(): void {
    clearTimeout(this.#timer);
    const posts = this.#takePosts();
    this.#commit();
    this.#settle(posts);
    this.#retainer.step(this.#store);
    this.#salvage.end();
    this.#tail.close();
    this.#spool.close();
    this.#lock.release();
    if (this.#store.isOpen) this.#store.use(({ committer }) => this.#inbox.commitLeft(committer));
    this.#store.close();
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
      if (this.#trouble.problem) return;
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
      this.#trouble.report(error, this.status.pending);
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
      const batches = [...this.#spooled, this.#pending];
      const begin = (clock: KnownClock) => this.#store.use(({ db }) => this.#placer.begin(db, clock));
      this.#clocks.apply(batches, (before) => this.#commitAll(before), begin);
      this.#commitAll(batches, this.#spool.generation);
      this.#spool.restart();
      this.#spooled = [];
      this.#pending = [];
      this.#tail.clear();
      this.#committedMs = performance.now();
      this.#retainer.begin();
      this.#trouble.over();
      this.#store.proven();
      this.#store.use(({ db, committer }) => this.#placer.step(db, committer));
    } catch (error) {
      this.#trouble.report(error, this.status.pending);
      this.#spoolPending();
      if (this.#pending.length > MOST_PENDING) this.#drop();
    }
  }

  #commitAll(batches: readonly (readonly Entry[])[], spoolGeneration?: number): void {
    const result = this.#store.use(({ committer }) => committer.commit(batches, spoolGeneration));
    reportCommit(result, this.#options.log);
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

  /**
   * Commits what a collector that was cut off left. While the disk refuses that, it stays where it is, and collecting begins
   * all the same.
   */
  #adopt(): Spool {
    const { stateDir, log } = this.#options;
    const found = { stateDir, runtimeDirectory: this.runtime.path, store: this.#store, state: this.state, log };
    const { spooled, tail, generation, toCommit, refusal, spool } = findLeftovers(found);
    const entries = spooled.flat().length + tail.length;
    try {
      if (refusal !== undefined) throw refusal;
      if (toCommit) this.#commitAll([...spooled, tail], generation);
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#spooled = spooled;
      this.#pending = tail;
      this.#tail.rewrite(tail);
      this.#trouble.report(error, entries);
      return spool(false);
    }
    this.#tail.clear();
    if (entries > 0) log.info({ entries }, 'took over what a collector that was cut off had not committed');
    return spool(true);
  }
}
