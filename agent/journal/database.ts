import { existsSync, mkdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type DatabaseSyncOptions } from 'node:sqlite';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import { DamagedJournal, damageIn } from './damage.ts';
import { whileOpening } from './gate.ts';
import { prepareSchema } from './schema.ts';

/** The WAL is cut to this after a checkpoint, which SQLite makes when it holds 1000 pages. */
const WAL_BYTES = 4_096_000;
/** How long a process waits for another one's commit. */
const BUSY_MS = 5000;
/** The collector waits no longer: it has its spool, and the next second to read. */
export const COLLECTOR_BUSY_MS = 250;

export function journalPath(stateDir: string): string {
  return join(stateDir, 'journal.db');
}

/** Creates the state directory, for its owner and group only. */
export function ensureStateDir(stateDir: string): void {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw storageError(stateDir, error);
  }
}

/** Opens the journal for writing, creating it when there is none. */
export function openForWriting(stateDir: string): DatabaseSync {
  ensureStateDir(stateDir);
  const path = journalPath(stateDir);
  return guarded(path, () => {
    const db = whileOpening(stateDir, () => connect(path, { timeout: BUSY_MS }));
    return closedUnless(db, () => {
      // What is committed is durable: the spool, written over after it, was so before (synchronous=FULL).
      db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${WAL_BYTES};
        PRAGMA cache_size = -1024; PRAGMA foreign_keys = ON;`);
      prepareSchema(db, path);
    });
  });
}

/** Opens an existing journal for reading; several processes may. */
export function openForReading(stateDir: string): DatabaseSync {
  const path = journalPath(stateDir);
  if (!existsSync(path)) {
    throw new AgentError('storage', `there is no journal in ${stateDir}`, {
      hint: 'start the collector first, or name another directory with --config or --state-dir',
    });
  }
  return guarded(path, () => {
    const db = whileOpening(stateDir, () => connect(path, { timeout: BUSY_MS, readOnly: true }));
    return closedUnless(db, () => prepareSchema(db, path, true));
  });
}

/**
 * Which file is the journal now: another one when it was set aside, compacted or restored.
 * @throws AgentError `permission` in a directory of another user
 */
export function journalFile(stateDir: string): string | undefined {
  const path = journalPath(stateDir);
  const stat = guarded(path, () => statSync(path, { throwIfNoEntry: false }));
  return stat && `${stat.dev}:${stat.ino}`;
}

/**
 * For who writes beside a collector: what went into a file that was set aside meanwhile is in the journal only when salvaged.
 * @param file that was open (journalFile)
 * @throws AgentError when it is not the journal any more
 */
export function requireSame(stateDir: string, file: string | undefined): void {
  if (journalFile(stateDir) === file) return;
  throw new AgentError('storage', `the journal in ${stateDir} was replaced by another one meanwhile`, {
    retryable: true,
    hint: 'run it again: what is there already stays as it is',
  });
}

/** Opens and reads, so that the write-ahead file is open as well. */
function connect(path: string, options: DatabaseSyncOptions): DatabaseSync {
  const db = new DatabaseSync(path, options);
  return closedUnless(db, () => db.exec('SELECT 1 FROM sqlite_schema'));
}

function closedUnless(db: DatabaseSync, prepare: () => void): DatabaseSync {
  try {
    prepare();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function guarded<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw storageError(path, error);
  }
}

/** SQLite says these of a full disk too, when it cannot make a file beside the database. */
const FULL = /unable to open|disk I\/O error/i;
/** Less than what a commit writes. */
const FULL_BYTES = 65_536;

function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < FULL_BYTES;
  } catch {
    return false;
  }
}

/** What SQLite or the file system says, as a sentence with a remedy. */
export function storageError(path: string, error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  const text = messageOf(error);
  const code = errnoOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT' || /disk is full/i.test(text) || (FULL.test(text) && isFull(path))) {
    return new AgentError('storage', `${path} cannot be written: the disk is full`, {
      retryable: true,
      hint: 'make room there, or name another stateDir',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || /unable to open|readonly/i.test(text)) {
    return new AgentError('permission', `no permission to use ${path}`, {
      hint: 'run as the user who owns it and all that lies beside it, or name a stateDir of your own',
      cause: error,
    });
  }
  if (code === 'EROFS' || code === 'ENOTDIR' || code === 'ENOENT' || code === 'EEXIST') {
    return new AgentError('storage', `${path} cannot be used: ${text}`, {
      hint: 'name another stateDir',
      cause: error,
    });
  }
  if (damageIn(error) === 'yes') return new DamagedJournal(path, text, error);
  return new AgentError('storage', `journal ${path}: ${text}`, {
    retryable: /locked|busy|full/i.test(text),
    cause: error,
  });
}
