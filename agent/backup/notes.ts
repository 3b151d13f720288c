import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { storageError } from '../journal/database.ts';
import { errnoOf } from '../system/errors.ts';
import { writePrivateFile } from '../system/private-file.ts';

const DIRECTORY = 'backup';

export const notePath = (stateDir: string, name: string): string => join(stateDir, DIRECTORY, `${name}.json`);

/** Writes a small JSON file of this machine's own, whole or not at all. @throws AgentError `storage` or `permission` */
export function writeNote(stateDir: string, name: string, value: object): void {
  const directory = join(stateDir, DIRECTORY);
  try {
    // Not recursive: where there is no state directory, none is made under the wrong user.
    if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
    if (process.getuid?.() === 0) {
      // A first run by hand as root must not lock out the service's user.
      const { uid, gid } = statSync(stateDir);
      chownSync(directory, uid, gid);
    }
  } catch (error) {
    throw storageError(stateDir, error);
  }
  writePrivateFile(notePath(stateDir, name), JSON.stringify(value));
}

/** @returns an empty object when there is none, or it is damaged */
export function readNote(stateDir: string, name: string): object {
  const path = notePath(stateDir, name);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as object;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return {};
    throw storageError(path, error);
  }
}

/** @throws AgentError `storage` or `permission` */
export function removeNote(stateDir: string, name: string): void {
  try {
    rmSync(notePath(stateDir, name), { force: true });
  } catch (error) {
    throw storageError(stateDir, error);
  }
}
