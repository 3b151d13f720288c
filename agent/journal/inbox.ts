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
import { AgentError, errnoOf } from '../system/errors.ts';
import { Committer } from './committer.ts';
import { journalFile, journalPath, openForWriting, requireSame, storageError } from './database.ts';
import type { Entry } from './entry.ts';
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
    const posted = runtime !== undefined && CollectorLock.isHeld(stateDir) && post(runtime, entries);
    if (posted) return;
    new Committer(db, new State(db)).commit([entries]);
    requireSame(stateDir, file);
  } catch (error) {
    throw storageError(journalPath(stateDir), error);
  } finally {
    db.close();
  }
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

/** Reads the posts, oldest first. */
export function readPosts(runtimeDirectory: string): Posts {
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
