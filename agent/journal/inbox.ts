import {
  chownSync,
  closeSync,
  fchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type ClockStamp, offsetOf, systemClock } from '../system/clock.ts';
import { RELEASED_MS, systemEvidence } from '../system/clock-state.ts';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { Committer } from './committer.ts';
import { journalFile, journalPath, openForWriting, requireSame, storageError } from './database.ts';
import type { Entry } from './entry.ts';
import { corrected, LARGEST_GRID_MS } from './held.ts';
import { CollectorLock } from './lock.ts';
import { State } from './state.ts';
import { encodeLine, Tail } from './tail.ts';
import { Waiting } from './waiting.ts';

const INBOX_NAME = 'inbox';

/**
 * Hands entries of a short-lived process to the journal. While a collector runs they wait for it in memory, so that they
 * reach the card with its next flush instead of a commit of their own; else, or where memory is full, they are committed
 * here.
 * @throws AgentError `storage` or `permission`
 */
export function deliver(stateDir: string, entries: readonly Entry[]): void {
  try {
    deliverOnce(stateDir, entries);
  } catch (error) {
    if (!(error instanceof AgentError) || !error.retryable) throw error;
    // The journal was set aside meanwhile, or somebody wrote for long.
    deliverOnce(stateDir, entries);
  }
}

function deliverOnce(stateDir: string, entries: readonly Entry[]): void {
  const db = openForWriting(stateDir);
  const file = journalFile(stateDir);
  try {
    const runtime = new Waiting(stateDir, db).runtimeDirectory();
    const stamped = entries.map(stampedByClock);
    const posted = runtime !== undefined && CollectorLock.isHeld(stateDir) && post(runtime, stamped);
    const plausible = systemClock.wallMs() >= RELEASED_MS;
    if (posted) return;
    new Committer(db, new State(db)).commit([plausible ? entries : stamped]);
    requireSame(stateDir, file);
  } catch (error) {
    throw storageError(journalPath(stateDir), error);
  } finally {
    db.close();
  }
}

/** Only the collector knows whether the clock can be trusted, and it may find out later. */
function stampedByClock(entry: Entry): Entry {
  const { boot, bootMs } = systemEvidence();
  return { ...entry, held: { boot, offsetMs: Math.round(offsetOf(systemClock) - bootMs), gridMs: LARGEST_GRID_MS } };
}

let posts = 0;

/** @returns false when it cannot be written there */
function post(runtime: string, entries: readonly Entry[]): boolean {
  const inbox = join(runtime, INBOX_NAME);
  const path = join(inbox, `${Date.now()}-${process.pid}-${posts++}`);
  try {
    mkdirSync(inbox, { recursive: true, mode: 0o700 });
    writePost(`${path}.new`, entries, runtime);
    renameSync(`${path}.new`, `${path}.tail`);
    return true;
  } catch {
    return false;
  }
}

function writePost(path: string, entries: readonly Entry[], runtime: string): void {
  // `wx`: no link that lies there is followed.
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(fd, entries.map(encodeLine).join(''));
    if (process.getuid?.() !== 0) return;
    // The collector, which may be another user, has to read and remove it.
    const { uid, gid } = statSync(runtime);
    fchownSync(fd, uid, gid);
    chownSync(dirname(path), uid, gid);
  } catch (error) {
    rmSync(path);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** What other processes posted. */
export interface Posts {
  entries: Entry[];
  /** To be called once they are durable: a kill before brings them again, and what is there already changes nothing. */
  remove(): void;
}

/** A post from before a smaller step of the clock keeps its time, as the meters' readings do. */
const LARGE_STEP_MS = 60_000;

/** The collector's side of it. */
export class Inbox {
  readonly #directory: string;
  readonly #log: Logger;
  /** How the clock goes; undefined while that is not known, and for a journal that nobody told about clocks. */
  #clock: ClockStamp | undefined;
  #doubted = false;
  #refused = false;

  constructor(runtimeDirectory: string, log: Logger) {
    this.#directory = runtimeDirectory;
    this.#log = log;
  }

  /** @param clock undefined: it cannot be trusted */
  setClock(clock: ClockStamp | undefined): void {
    this.#clock = clock;
    this.#doubted = clock === undefined;
  }

  /** What other processes have read of late; undefined when it cannot be taken, which is said once. */
  take(): Posts | undefined {
    try {
      const { entries, remove } = readPosts(this.#directory);
      this.#refused = false;
      return { entries: entries.flatMap((entry) => this.#timed(entry)), remove };
    } catch (error) {
      if (!this.#refused) this.#log.error({ reason: messageOf(error) }, 'what other processes posted cannot be taken');
      this.#refused = true;
      return undefined;
    }
  }

  /**
   * Until the collector's lock was released others posted; from then on they commit themselves. Tail and spool may be the
   * next collector's by now.
   */
  commitLeft(committer: Committer): void {
    const posts = this.take();
    if (!posts || posts.entries.length === 0) return;
    try {
      committer.commit([posts.entries]);
      posts.remove();
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'what other processes posted waits for the next start');
    }
  }

  #timed(entry: Entry): Entry[] {
    if (!entry.held || this.#doubted) return [entry];
    const { held, ...plain } = entry;
    const clock = this.#clock;
    if (clock?.boot !== held.boot || Math.abs(clock.offsetMs - held.offsetMs) < LARGE_STEP_MS) return [plain];
    return [corrected(entry, held, clock.offsetMs) ?? plain];
  }
}

/** Reads the posts, oldest first. */
function readPosts(runtimeDirectory: string): Posts {
  const inbox = join(runtimeDirectory, INBOX_NAME);
  const paths = namesIn(inbox)
    .filter((name) => name.endsWith('.tail'))
    .sort()
    .map((name) => join(inbox, name));
  return {
    entries: paths.flatMap((path) => Tail.read(path)),
    remove: () => {
      for (const path of paths) rmSync(path, { force: true });
    },
  };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
