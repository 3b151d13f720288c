import type { Memory } from './memory.ts';

/** A journal that has lost more than this of its readings since the last backup must not push out what has them. */
const SHRUNK = 0.9;

/*
 * A hold is why old backups stay until a person has looked (`backup prune`): what is in the journal may be little beside what
 * they have. Once there, it stays.
 */

/** @param newest sequence in the repository, 0 for none */
export function holdBefore({ hold, nameKey }: Memory, newest: number): string | undefined {
  if (hold !== undefined || nameKey !== undefined || newest === 0) return hold;
  return 'this machine did not make the backups that are there';
}

/** @param readings in the backup that was made */
export function holdAfter({ hold, readings: before }: Memory, readings: number): string | undefined {
  if (hold !== undefined || readings >= before * SHRUNK) return hold;
  return 'the journal has far fewer readings than at the backup before';
}
