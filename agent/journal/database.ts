import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
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
    const db = new DatabaseSync(path, { timeout: BUSY_MS });
    // What is committed is durable: the spool, written over after it, was so before (synchronous=FULL).
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${WAL_BYTES};
      PRAGMA cache_size = -1024; PRAGMA foreign_keys = ON;`);
    prepareSchema(db, path);
    return db;
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
    const db = new DatabaseSync(path, { timeout: BUSY_MS, readOnly: true });
    prepareSchema(db, path, true);
    return db;
  });
}

function guarded<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw storageError(path, error);
  }
}

/** What SQLite or the file system says, as a sentence with a remedy. */
export function storageError(path: string, error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  const text = messageOf(error);
  const code = errnoOf(error);
  if (code === 'EACCES' || code === 'EPERM' || /unable to open|readonly/i.test(text)) {
    return new AgentError('permission', `no permission to use ${path}`, {
      hint: 'run as the user who owns it, or name a stateDir of your own',
      cause: error,
    });
  }
  if (code === 'EROFS' || code === 'ENOTDIR' || code === 'ENOENT' || code === 'EEXIST') {
    return new AgentError('storage', `${path} cannot be used: ${text}`, {
      hint: 'name another stateDir',
      cause: error,
    });
  }
  if (/not a database|malformed/i.test(text)) {
    return new AgentError('storage', `journal ${path} is damaged: ${text}`, {
      hint: 'move the file away; collecting starts with a new one',
      cause: error,
    });
  }
  if (code === 'ENOSPC' || code === 'EDQUOT' || /disk is full/i.test(text)) {
    return new AgentError('storage', `${path} cannot be written: the disk is full`, {
      retryable: true,
      hint: 'make room there, or name another stateDir',
      cause: error,
    });
  }
  return new AgentError('storage', `journal ${path}: ${text}`, {
    retryable: /locked|busy|full/i.test(text),
    cause: error,
  });
}
