import { randomUUID } from 'node:crypto';
import { readNote, writeNote } from './notes.ts';

const NAME = 'origin';

/**
 * Whose backups these are: an id of the state directory, made with its first backup. Two machines that write into one
 * repository are told apart by it.
 */
export function originOf(stateDir: string): string {
  const known = (readNote(stateDir, NAME) as { id?: string }).id;
  if (known !== undefined) return known;
  const id = randomUUID();
  writeNote(stateDir, NAME, { id });
  return id;
}
