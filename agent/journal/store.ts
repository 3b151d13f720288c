import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { type AgentError, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { Committer } from './committer.ts';
import { Cursors } from './cursors.ts';
import { DamagedJournal, damageIn, isWronglyReadonly } from './damage.ts';
import { COLLECTOR_BUSY_MS, journalPath, openForWriting, storageError } from './database.ts';
import { makeGate } from './gate.ts';
import { inherit } from './inheritance.ts';
import { inspectDatabase, inspectFiles } from './inspection.ts';
import { RUNTIME_DIRECTORY_KEY } from './runtime-directory.ts';
import { asideFiles, freeName, setAside } from './set-aside.ts';
import type { State } from './state.ts';

/** The open database of the journal's collector. */
export interface Store {
  db: DatabaseSync;
  committer: Committer;
  cursors: Cursors;
}

export interface StoreKeeperOptions {
  stateDir: string;
  /** Readers find the tail by it: each database has it. */
  runtimeDirectory: string;
  state: State;
  log: Logger;
  /** Called with each database that was opened. */
  onOpen: (db: DatabaseSync) => void;
}

/** A card that damages each file at once must not fill its directory with them. */
const LEAST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** What SQLite cannot read so many times in a row, it never will. */
const MOST_UNREADABLE = 3;
const WAL_HEADER_BYTES = 32;

/** Opens the database, for the one collector of a state directory, and another one when it is damaged: collecting goes on. */
export class StoreKeeper {
  readonly #options: StoreKeeperOptions;
  readonly #path: string;
  #store: Store | undefined;
  #inheritFrom: string | undefined;
  #unreadable = 0;
  #replacedMs = Number.NEGATIVE_INFINITY;
  #pauseMs = 0;

  constructor(options: StoreKeeperOptions) {
    this.#options = options;
    this.#path = journalPath(options.stateDir);
    makeGate(options.stateDir);
    removeDrafts(this.#path);
  }

  get isOpen(): boolean {
    return this.#store !== undefined;
  }

  /**
   * Does something with the database. Where that shows that it is damaged, another one takes its place, and it is done there.
   * @throws what SQLite throws; AgentError while none can be opened
   */
  use<T>(work: (store: Store) => T): T {
    try {
      return work(this.#opened());
    } catch (error) {
      if (!this.#replaces(error)) throw error;
      return work(this.#opened());
    }
  }

  /** A commit went through: what could not be read before can be read again. */
  proven(): void {
    this.#unreadable = 0;
  }

  /** Another process has found that this file is damaged. */
  distrust(error: AgentError): void {
    this.#replaces(error);
  }

  close(): void {
    this.#store?.db.close();
    this.#store = undefined;
  }

  #opened(): Store {
    this.#store ??= this.#open();
    return this.#store;
  }

  #open(): Store {
    const { stateDir, state, onOpen } = this.#options;
    const wal = inspectFiles(this.#path);
    // SQLite would write over what it leaves out: of a commit that was cut off, or all behind a bit that has flipped.
    if (wal.cutOff > 0) this.#keepWal(wal.cutOff);
    const db = openForWriting(stateDir);
    try {
      // Else the next start would find, and keep, the same once more.
      if (wal.cutOff > 0) db.exec('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
      inspectDatabase(db, this.#path);
      state.moveTo(db);
      if (this.#inheritFrom !== undefined) {
        inherit(stateDir, db, this.#inheritFrom);
        state.save(RUNTIME_DIRECTORY_KEY, this.#options.runtimeDirectory);
      }
      this.#inheritFrom = undefined;
      db.exec(`PRAGMA busy_timeout = ${COLLECTOR_BUSY_MS}`);
      const store = { db, committer: new Committer(db, state), cursors: new Cursors(db) };
      onOpen(db);
      return store;
    } catch (error) {
      state.moveTo(undefined);
      db.close();
      throw error;
    }
  }

  #keepWal(frames: number): void {
    const name = freeName(this.#path, Date.now());
    try {
      const bytes = readFileSync(`${this.#path}-wal`);
      // Of the same run, by its header: a copy from before has more of it, not less.
      const header = bytes.subarray(0, WAL_HEADER_BYTES);
      const kept = asideFiles(this.#options.stateDir).map(({ path }) => `${path}-wal`);
      const isKept = (file: string) =>
        existsSync(file) && readFileSync(file).subarray(0, WAL_HEADER_BYTES).equals(header);
      if (kept.some(isKept)) return;
      writeFileSync(`${name}-wal`, bytes);
    } catch (error) {
      // A full disk, or a sector that cannot be read: renaming costs no room.
      rmSync(`${name}-wal`, { force: true });
      throw new DamagedJournal(this.#path, 'its write-ahead file has damaged pages', error);
    }
    this.#options.log.warn(
      { pages: frames },
      `the journal's write-ahead file ends early, as after a power cut: it is kept as ${name}-wal and salvaged`,
    );
  }

  /** @returns true when another file has taken the damaged one's place, or can */
  #replaces(error: unknown): boolean {
    const damage = isWronglyReadonly(error, this.#path) ? 'yes' : damageIn(error);
    if (damage === 'no') return false;
    if (damage === 'perhaps' && ++this.#unreadable < MOST_UNREADABLE) return false;
    const { stateDir, log, state } = this.#options;
    const nowMs = performance.now();
    if (nowMs - this.#replacedMs < this.#pauseMs) return false;
    const problem = storageError(this.#path, error);
    let aside: string | undefined;
    try {
      aside = setAside(stateDir, Date.now());
    } catch (reason) {
      log.error({ reason: messageOf(reason) }, `${problem.message}; it cannot be set aside`);
      return false;
    }
    if (aside === undefined) return false;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, this.#pauseMs * 2));
    this.#replacedMs = nowMs;
    this.#unreadable = 0;
    // After the renaming: SQLite then neither changes nor removes anything of it.
    state.moveTo(undefined);
    this.#store?.db.close();
    this.#store = undefined;
    this.#inheritFrom = aside;
    log.error(
      {
        hint: 'nothing is to be done now; when this comes again, the card is failing: replace it, and restore from a backup',
      },
      `${problem.message}; it is set aside as ${aside}, collecting goes on with a new one, what can be read is salvaged`,
    );
    return true;
  }
}

/**
 * What a compaction or a restore that was cut off has left, of the journal's own size: this process holds the lock that both
 * of them take, and who runs one again begins anew.
 */
function removeDrafts(path: string): void {
  for (const draft of ['.compacting', '.restoring']) {
    try {
      for (const ending of ['', '-journal']) rmSync(`${path}${draft}${ending}`, { force: true });
    } catch {
      // It takes room, and nothing else.
    }
  }
}
