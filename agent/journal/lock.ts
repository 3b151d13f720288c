import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AgentError, messageOf } from '../system/errors.ts';
import { storageError } from './database.ts';

/** Somebody who looks whether the lock is held has it for less than this. */
const LOOK_MS = 200;

/** In the state directory; the number of the process that collects, or did. */
export const PID_FILE = 'collector.pid';

/**
 * Held by the one collector of a state directory. SQLite's file lock is used because Node has none of its own: the kernel
 * releases it when the process ends, however it ends, so it is never stale.
 */
export class CollectorLock {
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** @throws AgentError `locked` when another collector holds it */
  static acquire(stateDir: string): CollectorLock {
    const path = join(stateDir, 'collector.lock');
    const pidPath = join(stateDir, PID_FILE);
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(path, { timeout: LOOK_MS });
      db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      writeFileSync(pidPath, `${process.pid}\n`);
      return new CollectorLock(db);
    } catch (error) {
      db?.close();
      if (!/locked|busy/i.test(messageOf(error))) throw storageError(path, error);
      throw new AgentError('locked', `another collector${readPid(pidPath)} is already writing to ${stateDir}`, {
        hint: 'stop it first (systemctl stop energy-monitor-collector), or give this one another stateDir',
      });
    }
  }

  static isHeld(stateDir: string): boolean {
    const path = join(stateDir, 'collector.lock');
    if (!existsSync(path)) return false;
    const db = new DatabaseSync(path, { timeout: 0, readOnly: true });
    try {
      db.exec('PRAGMA schema_version');
      return false;
    } catch (error) {
      if (/locked|busy/i.test(messageOf(error))) return true;
      throw storageError(path, error);
    } finally {
      db.close();
    }
  }

  release(): void {
    this.#db.close();
  }
}

function readPid(path: string): string {
  try {
    return ` (process ${readFileSync(path, 'utf8').trim()})`;
  } catch {
    return '';
  }
}
