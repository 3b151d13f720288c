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
import { type RuntimeDirectory, runtimeDirectory } from './runtime-directory.ts';
import { State } from './state.ts';
import { type Entry, Tail } from './tail.ts';

export interface JournalOptions extends RetentionLimits {
  stateDir: string;
  /** Longest time between two commits: what a power cut can cost. */
  flushIntervalMs: number;
  log: Logger;
}

/** Key in `state` under which readers find the tail of the running collector. */
export const RUNTIME_DIRECTORY_KEY = 'runtimeDirectory';
export const TAIL_NAME = 'journal.tail';

const RETENTION_EVERY_MS = 60_000;
/** While the disk refuses commits, this many entries wait in memory; then the oldest go, with an alarm. */
const MOST_PENDING = 100_000;

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
    if (this.#pending.length > 0) this.#commit();
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
    try {
      this.#tail.append(entry);
    } catch (error) {
      // The memory-backed place is full or gone: the card has to take each entry at once.
      this.#options.log.warn(
        { reason: messageOf(error) },
        `the tail ${this.#tail.path} cannot be written: committing at once`,
      );
      this.flush();
      return;
    }
    this.#timer ??= setTimeout(() => this.flush(), this.#options.flushIntervalMs);
  }

  #commit(): void {
    try {
      this.#committer.commit(this.#pending);
      this.#pending = [];
      this.#tail.clear();
      if (this.#failing) this.#options.log.info('the journal can be written again');
      this.#failing = false;
    } catch (error) {
      const problem = storageError(journalPath(this.#options.stateDir), error);
      if (!this.#failing)
        this.#options.log.error({ hint: problem.hint, pending: this.#pending.length }, problem.message);
      this.#failing = true;
      const surplus = this.#pending.length - MOST_PENDING;
      if (surplus > 0) {
        this.#pending.splice(0, surplus);
        this.#options.log.error(
          { dropped: surplus },
          'the journal cannot be written: the oldest waiting entries are dropped',
        );
      }
      this.#timer ??= setTimeout(() => this.flush(), this.#options.flushIntervalMs);
    }
  }

  #retain(): void {
    const nowMs = Date.now();
    if (nowMs < this.#retentionDueMs || this.#failing) return;
    this.#retentionDueMs = nowMs + RETENTION_EVERY_MS;
    try {
      const { untaken } = applyRetention(this.#db, this.#options, nowMs);
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
      if (entries.length === 0) continue;
      const stored = this.#committer.commit(entries);
      this.#options.log.info({ stored, entries: entries.length }, 'took over the tail of a collector that was cut off');
    }
    if (before !== this.runtime.path) this.state.save(RUNTIME_DIRECTORY_KEY, this.runtime.path);
  }
}
