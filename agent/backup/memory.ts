import { chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { storageError } from '../journal/database.ts';
import { errnoOf } from '../system/errors.ts';
import { writePrivateFile } from '../system/private-file.ts';
import type { ObjectReference } from './manifest.ts';

/** A file as the last snapshot has it. */
export interface RememberedFile {
  stamp: string;
  bytes: number;
  sha256: string;
  objects: ObjectReference[];
  counts: Record<string, number>;
}

/** What this machine knows of a repository that it cannot open itself. Without it the next run is longer, and right. */
export interface Memory {
  /** Hexadecimal. */
  nameKey?: string;
  sequence: number;
  /** Sequences that were whole when they were written. */
  verified: number[];
  /** Objects that were found damaged: their content is sent again. */
  damaged: string[];
  /** Written by a run that was broken off before its manifest. */
  pending: ObjectReference[];
  /** In the last backup. */
  readings: number;
  files: Record<string, RememberedFile>;
}

const EMPTY: Memory = { sequence: 0, verified: [], damaged: [], pending: [], readings: 0, files: {} };
const DIRECTORY = 'backup';
/** Which repository was in which place: an empty mount point is not the disk. */
const PLACES = 'places';

export function remember(stateDir: string, repositoryId: string, memory: Memory): void {
  write(stateDir, repositoryId, memory);
}

export function recall(stateDir: string, repositoryId: string): Memory {
  return { ...EMPTY, ...(read(stateDir, repositoryId) as Partial<Memory>) };
}

export function rememberPlace(stateDir: string, label: string, repositoryId: string): void {
  if (recallPlace(stateDir, label) !== repositoryId)
    write(stateDir, PLACES, { ...read(stateDir, PLACES), [label]: repositoryId });
}

/** The id of the repository that was in a place at the last backup. */
export function recallPlace(stateDir: string, label: string): string | undefined {
  return (read(stateDir, PLACES) as Record<string, string>)[label];
}

function write(stateDir: string, name: string, value: object): void {
  const directory = join(stateDir, DIRECTORY);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (process.getuid?.() === 0) {
      // A first run by hand as root must not lock out the service's user.
      const { uid, gid } = statSync(stateDir);
      chownSync(directory, uid, gid);
    }
  } catch (error) {
    throw storageError(stateDir, error);
  }
  writePrivateFile(join(directory, `${name}.json`), JSON.stringify(value));
}

function read(stateDir: string, name: string): object {
  const path = join(stateDir, DIRECTORY, `${name}.json`);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as object;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return {};
    throw storageError(path, error);
  }
}
