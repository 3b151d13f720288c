import {
  closeSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { AgentError, errnoOf, messageOf } from './errors.ts';
import { readNamedFile } from './named-file.ts';

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
    const fd = openSync(draft, 'wx', 0o600);
    try {
      if (process.getuid?.() === 0) {
        const { uid, gid } = statSync(directory);
        fchownSync(fd, uid, gid);
      }
      writeSync(fd, `${text}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
    syncDirectory(directory);
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
    const fd = openSync(probe, 'wx', 0o600);
    try {
      // As much as a token is long: a full disk lets empty files be made.
      writeSync(fd, ' '.repeat(100));
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

function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
