import {
  closeSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AgentError, errnoOf, messageOf } from './errors.ts';
import { readNamedFile } from './named-file.ts';
import { heirIn } from './owner.ts';
import { syncDirectoryNow } from './sync-directory.ts';

const REASONS: Record<string, string> = {
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  ENOTDIR: 'a part of its path is no directory',
  EISDIR: 'it is a directory',
};

function failure(path: string, what: string, error: unknown): AgentError {
  const errno = errnoOf(error) ?? '';
  const code = /^(EACCES|EPERM|EROFS)$/.test(errno) ? 'permission' : 'storage';
  return new AgentError(code, `${path} cannot be ${what}: ${REASONS[errno] ?? messageOf(error)}`, {
    hint: /^(ENOSPC|EDQUOT)$/.test(errno)
      ? 'make room there, or name another directory'
      : 'run it as the user to whom the directory belongs (sudo), or name another directory',
    cause: error,
  });
}

const SECRET_FILE = "the secret's file";

/** A secret without the line's end; undefined when there is no file, or nothing in it. @throws AgentError that names the file only */
export function readPrivateFile(path: string): string | undefined {
  try {
    return secretIn(path) || undefined;
  } catch (error) {
    if (error instanceof AgentError && errnoOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The same, of a file that has to be there. @throws AgentError that names the file, never its content */
export function requirePrivateFile(path: string): string {
  const secret = secretIn(path);
  if (secret !== '') return secret;
  throw new AgentError('config', `${SECRET_FILE} ${path} is empty`, { hint: 'write the secret into it' });
}

function secretIn(path: string): string {
  const hint = 'write the secret there, readable for the user who runs this alone (mode 0600)';
  return readNamedFile(path, SECRET_FILE, hint).trim();
}

/** Whether others than its owner may read it. */
export function isExposed(path: string): boolean {
  return (statSync(path).mode & 0o077) !== 0;
}

/**
 * Writes a secret readable for its owner alone, whole or not at all, also in a power cut. Written by root it belongs to whom its
 * directory belongs: to the collector's user, where that is the collector's directory.
 * @throws AgentError that names the file, never its content
 */
export function writePrivateFile(path: string, text: string): void {
  const directory = dirname(path);
  const draft = `${path}.${process.pid}.new`;
  try {
    removeLeftDrafts(path);
    const fd = openSync(draft, 'wx', 0o600);
    try {
      const heir = heirIn(directory);
      if (heir) fchownSync(fd, heir.uid, heir.gid);
      // Not writeSync: on a disk that gets full it writes a part, and says so only by its length.
      writeFileSync(fd, `${text}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
    syncDirectoryNow(directory);
  } catch (error) {
    removeIfThere(draft);
    throw failure(path, 'written', error);
  }
}

/** Makes sure, by doing it, that a secret can be written there; makes the directory when there is none. @throws AgentError */
export function prepareDirectory(directory: string): void {
  const probe = `${directory}/.energy-monitor.${process.pid}.new`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    rmSync(probe, { force: true });
    const fd = openSync(probe, 'wx', 0o600);
    try {
      // As much as a token is long: a full disk lets empty files be made.
      writeFileSync(fd, ' '.repeat(100));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw failure(directory, 'written to', error);
  } finally {
    removeIfThere(probe);
  }
}

/** Also where a part of the path is no directory, which `force` does not forgive. */
function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOTDIR') throw error;
  }
}

/** Of processes that are no more: the new one may have the number of such a one. */
function removeLeftDrafts(path: string): void {
  const directory = dirname(path);
  const beginning = `${basename(path)}.`;
  for (const name of readdirSync(directory)) {
    const pid = name.startsWith(beginning) && /^(\d+)\.new$/.exec(name.slice(beginning.length))?.[1];
    if (pid && !isOther(Number(pid))) rmSync(join(directory, name), { force: true });
  }
}

function isOther(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}
