import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Gap, Reading } from '../readings/reading.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { Committer } from './committer.ts';
import { Cursors } from './cursors.ts';
import { journalPath, openForWriting, storageError } from './database.ts';
import { CollectorLock } from './lock.ts';
import { applyRetention, type RetentionLimits } from './retention.ts';
import { RUNTIME_DIRECTORY_KEY, type RuntimeDirectory, runtimeDirectory } from './runtime-directory.ts';
import { State } from './state.ts';
import { type Entry, TAIL_NAME, Tail } from './tail.ts';

export interface JournalOptions extends RetentionLimits {
  stateDir: string;
  /** Longest time between two commits: what a power cut can cost. */
  flushIntervalMs: number;
  log: Logger;
}

const RETENTION_EVERY_MS = 60_000;
/** While the disk refuses commits, this many entries wait in memory (five hours of one meter); then the oldest go. */
const MOST_PENDING = 20_000;
/** Dropping one by one would rewrite the tail each second. */
const DROPPED_AT_ONCE = 1000;
/** Entries of one transaction: a backlog is committed in steps that do not disturb the grid for long. */
const GROUP = 1000;

const REPEATED = 'these seconds are in the journal already and keep their first reading: was the clock set back?';

/**
 * The collector's side of the journal. An appended reading is in the tail (in memory, outliving the process) before
 * `append` returns, and in the database, synced, within the flush interval.
 */
export class Journal {
  readonly state: State;
  readonly cursors: Cursors;
  readonly runtime: RuntimeDirectory;
  readonly #options: JournalOptions;
  readonly #lock: CollectorLock;
  readonly #db: DatabaseSync;
  readonly #committer: Committer;
  readonly #tail: Tail;
  #pending: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #retentionDueMs = 0;
  #failing = false;

  private constructor(options: JournalOptions, lock: CollectorLock, db: DatabaseSync) {
    this.#options = options;
    this.#lock = lock;
    this.#db = db;
    this.#committer = new Committer(db);
    this.state = new State(db);
    this.cursors = new Cursors(db);
    this.runtime = runtimeDirectory(options.stateDir);
    this.#adopt();
    this.#tail = new Tail(join(this.runtime.path, TAIL_NAME));
    this.#tail.clear();
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

  /** @param decimals places that each value is exact to; values without are stored as float64 */
  append(reading: Reading, decimals: Readonly<Record<string, number>>): void {
    this.#add({ kind: 'reading', reading, decimals });
  }

  appendGap(gap: Gap): void {
    this.#add({ kind: 'gap', gap });
  }

  /** Commits what is pending now. A disk that refuses keeps it pending: retried at the next interval. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#commitPending();
    this.#retain();
  }

  close(): void {
    this.flush();
    clearTimeout(this.#timer);
    this.#tail.close();
    this.#db.close();
    this.#lock.release();
  }

  #add(entry: Entry): void {
    this.#pending.push(entry);
    this.#timer ??= setTimeout(() => this.flush(), this.#options.flushIntervalMs);
    try {
      this.#tail.append(entry);
    } catch (error) {
      // The memory-backed place is full or gone: the card has to take each entry at once, unless it refuses as well.
      if (this.#failing) return;
      this.#options.log.warn(
        { reason: messageOf(error) },
        `the tail ${this.#tail.path} cannot be written: committing at once`,
      );
      this.flush();
    }
  }

  #commitPending(): void {
    try {
      while (this.#pending.length > 0) {
        const repeated = this.#commit(this.#pending.slice(0, GROUP));
        if (repeated > 0) this.#options.log.error({ readings: repeated }, REPEATED);
        this.#pending.splice(0, GROUP);
      }
      this.#tail.clear();
      if (this.#failing) this.#options.log.info('the journal can be written again');
      this.#failing = false;
    } catch (error) {
      const problem = storageError(journalPath(this.#options.stateDir), error);
      if (!this.#failing)
        this.#options.log.error({ hint: problem.hint, pending: this.#pending.length }, problem.message);
      this.#failing = true;
      if (this.#pending.length > MOST_PENDING) this.#drop();
      this.#timer ??= setTimeout(() => this.flush(), this.#options.flushIntervalMs);
    }
  }

  /** @returns how many readings were for seconds that are stored already */
  #commit(entries: readonly Entry[]): number {
    const { stored, refused } = this.#committer.commit(entries);
    for (const { entry, reason } of refused)
      this.#options.log.error({ entry, reason }, 'an entry cannot be stored and is dropped');
    const readings = entries.filter((entry) => entry.kind === 'reading').length;
    const refusedReadings = refused.filter(({ entry }) => entry.kind === 'reading').length;
    return readings - refusedReadings - stored;
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

  #retain(): void {
    const nowMs = Date.now();
    if (nowMs < this.#retentionDueMs || this.#failing) return;
    try {
      const { untaken, more } = applyRetention(this.#db, this.#options, nowMs);
      this.#retentionDueMs = more ? nowMs : nowMs + RETENTION_EVERY_MS;
      if (untaken > 0) {
        this.#options.log.error({ readings: untaken }, 'retention deleted readings that a sink had not taken yet');
      }
    } catch (error) {
      this.#options.log.warn(storageError(journalPath(this.#options.stateDir), error).message);
    }
  }

  /** Commits what a killed collector left in its tail, which may lie elsewhere if it ran in other circumstances. */
  #adopt(): void {
    const before = this.state.load(RUNTIME_DIRECTORY_KEY);
    const places = new Set([this.runtime.path, ...(typeof before === 'string' ? [before] : [])]);
    for (const place of places) {
      const entries = Tail.read(join(place, TAIL_NAME));
      for (let start = 0; start < entries.length; start += GROUP) this.#commit(entries.slice(start, start + GROUP));
      if (entries.length > 0)
        this.#options.log.info({ entries: entries.length }, 'took over the tail of a collector that was cut off');
    }
    if (before !== this.runtime.path) this.state.save(RUNTIME_DIRECTORY_KEY, this.runtime.path);
  }
}
