import { chownSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DamagedJournal } from '../journal/damage.ts';
import { ensureStateDir, storageError } from '../journal/database.ts';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import { heirIn } from '../system/owner.ts';
import { isBlank, prepareSchema } from './schema.ts';

/** The WAL is cut to this after a checkpoint. */
const WAL_BYTES = 1_024_000;
const WAL_PAGES = 250;
const BUSY_MS = 10_000;

/** A file of its own: damage of the journal takes no years with it, and the other way round. */
export function historyPath(stateDir: string): string {
  return join(stateDir, 'history.db');
}

/** Opens the history for writing, creating it when there is none. @throws AgentError */
export function openHistoryForWriting(stateDir: string): DatabaseSync {
  ensureStateDir(stateDir);
  const path = historyPath(stateDir);
  return guarded(path, () => {
    const db = new DatabaseSync(path, { timeout: BUSY_MS });
    try {
      db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${WAL_BYTES};
        PRAGMA wal_autocheckpoint = ${WAL_PAGES}; PRAGMA cache_size = -2048;`);
      prepareSchema(db, path);
      const owner = heirIn(stateDir);
      if (owner) for (const end of ['', '-wal', '-shm']) give(`${path}${end}`, owner);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** @returns undefined where there is none yet. @throws AgentError when it cannot be read */
export function openHistoryForReading(stateDir: string): DatabaseSync | undefined {
  const path = historyPath(stateDir);
  if (!existsSync(path)) return undefined;
  return guarded(path, () => {
    const db = new DatabaseSync(path, { timeout: BUSY_MS, readOnly: true });
    try {
      if (isBlank(db)) {
        db.close();
        return undefined;
      }
      prepareSchema(db, path, true);
      return db;
    } catch (error) {
      if (db.isOpen) db.close();
      throw error;
    }
  });
}

function give(path: string, { uid, gid }: { uid: number; gid: number }): void {
  try {
    chownSync(path, uid, gid);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Is the file itself to blame, so that trying again does not help? A damaged journal is the collector's to set aside. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedJournal) return false;
  const text = `${messageOf(error)} ${error instanceof AgentError ? messageOf(error.cause) : ''}`;
  return /not a database|malformed|is no history/i.test(text) || error instanceof RangeError;
}

/** Puts a damaged history out of the way. @returns where it is now */
export function setAside(stateDir: string, nowMs: number): string {
  const path = historyPath(stateDir);
  const aside = `${path}.damaged-${new Date(nowMs).toISOString().replace(/[:.]/g, '-')}`;
  renameSync(path, aside);
  for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
  return aside;
}

export function historyError(stateDir: string, error: unknown): AgentError {
  return storedError(historyPath(stateDir), error);
}

function storedError(path: string, error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  if (isDamage(error)) {
    return new AgentError('storage', `history ${path} is damaged: ${messageOf(error)}`, {
      hint: 'the collector sets it aside and makes a new one from what the journal still has',
      cause: error,
    });
  }
  return storageError(path, error);
}

function guarded<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw storedError(path, error);
  }
}
