import type { ObjectReference } from './manifest.ts';
import { readNote, writeNote } from './notes.ts';

/** A file as the last snapshot has it. */
export interface RememberedFile {
  stamp?: string;
  bytes: number;
  sha256: string;
  objects: ObjectReference[];
  counts?: Record<string, number>;
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
  /** Whose backups go on here, after a restore. */
  replaces?: string;
  /** Why nothing old goes until a person has pruned (hold.ts). */
  hold?: string;
  files: Record<string, RememberedFile>;
}

const EMPTY: Memory = { sequence: 0, verified: [], damaged: [], pending: [], readings: 0, files: {} };
/** Which repository was in which place: an empty mount point is not the disk. */
const PLACES = 'places';

export function remember(stateDir: string, repositoryId: string, memory: Memory): void {
  writeNote(stateDir, repositoryId, memory);
}

export function recall(stateDir: string, repositoryId: string): Memory {
  return { ...EMPTY, ...(readNote(stateDir, repositoryId) as Partial<Memory>) };
}

export function rememberPlace(stateDir: string, label: string, repositoryId: string): void {
  if (recallPlace(stateDir, label) !== repositoryId)
    writeNote(stateDir, PLACES, { ...readNote(stateDir, PLACES), [label]: repositoryId });
}

/** The id of the repository that was in a place at the last backup. */
export function recallPlace(stateDir: string, label: string): string | undefined {
  return (readNote(stateDir, PLACES) as Record<string, string>)[label];
}
