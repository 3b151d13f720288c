import { closeSync, existsSync, fchownSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import { KernelLock } from '../system/kernel-lock.ts';
import { heirIn } from '../system/owner.ts';
import { storageError } from './database.ts';
import { emptyLock } from './gate.ts';

/** In the state directory; the number of the process that collects, or did. */
export const PID_FILE = 'collector.pid';

/** Held by the one collector of a state directory. */
export class CollectorLock {
  readonly #lock: KernelLock;

  private constructor(lock: KernelLock) {
    this.#lock = lock;
  }

  /** @throws AgentError `locked` when another collector holds it */
  static acquire(stateDir: string): CollectorLock {
    const path = join(stateDir, 'collector.lock');
    const pidPath = join(stateDir, PID_FILE);
    let lock: KernelLock | undefined;
    try {
      emptyLock(path);
      lock = KernelLock.acquire(path);
      if (lock) writePid(stateDir, pidPath);
    } catch (error) {
      lock?.release();
      throw storageError(path, error);
    }
    if (lock) return new CollectorLock(lock);
    throw new AgentError('locked', `another collector${readPid(pidPath)} is already writing to ${stateDir}`, {
      hint: 'stop it first (systemctl stop energy-monitor-collector), or give this one another stateDir',
    });
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
    this.#lock.release();
  }
}

function writePid(stateDir: string, path: string): void {
  const heir = heirIn(stateDir);
  const fd = openSync(path, 'w');
  try {
    if (heir) fchownSync(fd, heir.uid, heir.gid);
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    // On a full disk it collects without: who asks for the number is told none.
    if (!/^(ENOSPC|EDQUOT)$/.test(errnoOf(error) ?? '')) throw error;
  } finally {
    closeSync(fd);
  }
}

function readPid(path: string): string {
  try {
    const pid = readFileSync(path, 'utf8').trim();
    return pid === '' ? '' : ` (process ${pid})`;
  } catch {
    return '';
  }
}
