import { closeSync, fchownSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AgentError, errnoOf, messageOf } from './errors.ts';
import { heirIn } from './owner.ts';

/** Somebody who only looks whether the lock is held has it for less than this. */
const LOOK_MS = 200;

/**
 * A lock on a file. SQLite's is used because Node has none of its own: the kernel releases it when the process ends, however
 * it ends, so it is never stale.
 */
export class KernelLock {
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /**
   * @returns undefined while another process holds it
   * @throws AgentError `permission` for a file that cannot be written, else what SQLite or the file system throws
   */
  static acquire(path: string): KernelLock | undefined {
    let db: DatabaseSync | undefined;
    try {
      makeForHeir(path);
      db = new DatabaseSync(path, { timeout: LOOK_MS });
      // SQLite opens what it may not write for reading, and then BEGIN EXCLUSIVE excludes nobody. So something is written,
      // which is never committed.
      db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version = 1');
      return new KernelLock(db);
    } catch (error) {
      db?.close();
      if (/locked|busy/i.test(messageOf(error))) return undefined;
      if (/readonly/i.test(messageOf(error))) throw unwritable(path, error);
      throw error;
    }
  }

  release(): void {
    this.#db.close();
  }
}

/** Only a new file is opened: closing one that this process has locked would release the lock (close(2), fcntl(2)). */
function makeForHeir(path: string): void {
  const heir = heirIn(dirname(path));
  if (heir === undefined) return;
  try {
    const fd = openSync(path, 'wx', 0o644);
    try {
      fchownSync(fd, heir.uid, heir.gid);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

function unwritable(path: string, cause: unknown): AgentError {
  return new AgentError('permission', `the lock ${path} cannot be written`, {
    hint: `give it to whom its directory belongs: sudo chown --reference=${dirname(path)} ${path}`,
    cause,
  });
}
