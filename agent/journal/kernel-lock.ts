import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../system/errors.ts';

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

  /** @returns undefined while another process holds it @throws what SQLite throws for a file that cannot be used */
  static acquire(path: string): KernelLock | undefined {
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(path, { timeout: LOOK_MS });
      db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return new KernelLock(db);
    } catch (error) {
      db?.close();
      if (/locked|busy/i.test(messageOf(error))) return undefined;
      throw error;
    }
  }

  release(): void {
    this.#db.close();
  }
}
