import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
  /** Sequences that were verified. */
  verified: number[];
  files: Record<string, RememberedFile>;
}

const EMPTY: Memory = { sequence: 0, verified: [], files: {} };

function pathOf(stateDir: string, repositoryId: string): string {
  return join(stateDir, 'backup', `${repositoryId}.json`);
}

export function remember(stateDir: string, repositoryId: string, memory: Memory): void {
  mkdirSync(join(stateDir, 'backup'), { recursive: true, mode: 0o700 });
  writePrivateFile(pathOf(stateDir, repositoryId), JSON.stringify(memory));
}

export function recall(stateDir: string, repositoryId: string): Memory {
  try {
    return { ...EMPTY, ...(JSON.parse(readFileSync(pathOf(stateDir, repositoryId), 'utf8')) as Partial<Memory>) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return { ...EMPTY };
    throw error;
  }
}
