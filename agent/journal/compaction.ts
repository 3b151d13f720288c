import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { AgentError, messageOf } from '../system/errors.ts';
import { syncDirectoryNow } from '../system/sync-directory.ts';
import { DamagedJournal, damageIn } from './damage.ts';
import { journalPath, openForReading, storageError } from './database.ts';
import { whileReplacing } from './gate.ts';
import { CollectorLock } from './lock.ts';
import { usedBytes } from './retention.ts';
import { SCHEMA_VERSION } from './schema.ts';
import { saveWitness } from './witness.ts';

export interface Compaction {
  beforeBytes: number;
  afterBytes: number;
}

/** What is written beside the data: the pages' fill changes a little, and something has to be left. */
const ROOM = 1.05;
const ROOM_BYTES = 16e6;

/**
 * Writes the journal anew without its free pages, into a file beside it that takes its place when it is whole and on the
 * disk: cut off at any moment, the journal is as it was or compacted. SQLite's own VACUUM would write three times as much.
 * @throws AgentError `locked` while a collector, or any other process, has it open; `storage` without room for it
 */
export function compact(stateDir: string): Compaction {
  openForReading(stateDir).close();
  const lock = CollectorLock.acquire(stateDir);
  try {
    const done = whileReplacing(stateDir, () => replaced(stateDir));
    if (done) return done;
    throw inUse(stateDir);
  } finally {
    lock.release();
  }
}

function replaced(stateDir: string): Compaction {
  const path = journalPath(stateDir);
  const draft = `${path}.compacting`;
  removeDraft(draft);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: 0 });
    requireAlone(db, stateDir);
    requireRoom(stateDir, usedBytes(db));
    const beforeBytes = statSync(path).size;
    db.prepare('VACUUM INTO ?').run(draft);
    requireSameContent(db, draft);
    db.close();
    // It was the last connection: what was in the write-ahead file is in the database.
    if (existsSync(`${path}-wal`)) throw inUse(stateDir);
    finish(draft, path);
    renameSync(draft, path);
    rmSync(`${path}-shm`, { force: true });
    syncDirectoryNow(stateDir);
    return { beforeBytes, afterBytes: statSync(path).size };
  } catch (error) {
    if (db?.isOpen) db.close();
    removeDraft(draft);
    if (damageIn(error) === 'yes') throw new DamagedJournal(path, messageOf(error), error);
    throw storageError(path, error);
  }
}

/** With this the file is ours alone, until it is closed. */
function requireAlone(db: DatabaseSync, stateDir: string): void {
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    if (/locked|busy/i.test(messageOf(error))) throw inUse(stateDir);
    throw error;
  }
}

function inUse(stateDir: string): AgentError {
  return new AgentError('locked', `another process has the journal in ${stateDir} open`, {
    retryable: true,
    hint: 'wait until backups and imports have ended, then run it again',
  });
}

function requireRoom(stateDir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(stateDir);
  const [needed, free] = [bytes * ROOM + ROOM_BYTES, bavail * bsize];
  if (free >= needed) return;
  const [wanted, there] = [needed, free].map((n) => `${Math.ceil(n / 1e6)} MB`);
  throw new AgentError('storage', `compacting needs ${wanted} in ${stateDir}, and ${there} are free`, {
    hint: 'make room there: the journal is written anew beside the old one',
  });
}

const COUNTS = `SELECT (SELECT count(*) FROM reading) AS readings, (SELECT coalesce(sum(key % 1000003), 0) FROM reading) AS sum,
  (SELECT count(*) FROM gap) AS gaps, (SELECT count(*) FROM late) AS late, (SELECT count(*) FROM state) AS state`;

function requireSameContent(db: DatabaseSync, path: string): void {
  const draft = new DatabaseSync(path);
  try {
    const [before, after] = [db, draft].map((one) => JSON.stringify(one.prepare(COUNTS).get()));
    if (before !== after) throw new AgentError('internal', 'the compacted journal has not what the old one had');
    const [problem] = draft.prepare('PRAGMA quick_check(1)').all();
    if (problem?.quick_check !== 'ok') throw new Error(String(problem?.quick_check));
    // Its tables lie elsewhere now.
    saveWitness(draft, SCHEMA_VERSION);
  } finally {
    draft.close();
  }
}

/** Whose it was, and on the disk. */
function finish(draft: string, path: string): void {
  const { uid, gid, mode } = statSync(path);
  chmodSync(draft, mode & 0o777);
  if (process.getuid?.() === 0) chownSync(draft, uid, gid);
  const fd = openSync(draft, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function removeDraft(draft: string): void {
  for (const ending of ['', '-journal']) rmSync(`${draft}${ending}`, { force: true });
}

export function compactionText({ beforeBytes, afterBytes }: Compaction): string {
  const [before, after] = [beforeBytes, afterBytes].map((bytes) => (bytes / 1e6).toFixed(1));
  return `the journal took ${before} MB and takes ${after} MB now\n`;
}
