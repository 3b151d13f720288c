import { existsSync } from 'node:fs';
import { compareJournals, type DayDifference } from '../../journal/comparison.ts';
import { journalPath } from '../../journal/database.ts';
import type { RememberedFile } from '../memory.ts';
import { journalBytes, restoreJournal } from '../restore/journal.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import type { DrillPart, DrillProgress } from './part.ts';
import { requireRoom } from './room.ts';

/** What a collector has in memory and spool is not in a backup, and is committed within this time. */
const COMMITTED_AFTER_MS = 15 * 60_000;
const LISTED = 5;

export interface JournalDrill {
  stateDir: string;
  scratch: string;
  /** UTC ms, not later than the backup was made. */
  madeMs: number;
  /** The files of this backup as the machine remembers them: days that have changed since are known by their stamps. */
  files: Readonly<Record<string, RememberedFile>>;
  onProgress: DrillProgress;
}

/**
 * Restores the journal of a snapshot into a scratch directory and compares it, reading by reading, with the one that is
 * collected into, where there is one.
 * @throws AgentError without room, or when nothing can be restored
 */
export async function drillJournal(
  snapshot: SnapshotReader,
  { stateDir, scratch, madeMs, files, onProgress }: JournalDrill,
): Promise<DrillPart> {
  requireRoom(scratch, journalBytes(snapshot));
  const restored = await restoreJournal(snapshot, scratch, {
    skipDamaged: true,
    onProgress: (done, all) => onProgress('journal', { unit: 'bytes', done, all }),
  });
  const done = `restored, ${restored.added} readings`;
  if (!existsSync(journalPath(stateDir))) return { name: 'journal', done, problems: restored.damaged };
  const { compared, differences } = compareJournals(stateDir, scratch, madeMs - COMMITTED_AFTER_MS, (days, all) =>
    onProgress('comparing the journal', { unit: 'days', done: days, all }),
  );
  const late = differences
    .filter((one) => hasChanged(one, files))
    .reduce((sum, one) => sum + one.missing + one.different, 0);
  const since = late > 0 ? `; ${late} came late since, or were completed` : '';
  return {
    name: 'journal',
    done: `${done}, ${compared} of them compared with those here${since}`,
    problems: [
      ...restored.damaged,
      ...problemsOf(differences.filter((one) => one.gone > 0 || !hasChanged(one, files))),
    ],
  };
}

/** Whether something has come into a day since it was backed up; false also where that is not known. */
function hasChanged({ day, mark }: DayDifference, files: JournalDrill['files']): boolean {
  const names = [
    `journal/${day}`,
    ...Array.from({ length: 24 }, (_, hour) => `journal/${day}T${String(hour).padStart(2, '0')}`),
  ];
  const stamps = names.flatMap((name) => files[name]?.stamp ?? []);
  return stamps.length > 0 && stamps.every((stamp) => stamp !== String(mark));
}

function problemsOf(differences: readonly DayDifference[]): string[] {
  const sentences = differences.slice(0, LISTED).map(({ day, measurement, missing, gone, different }) => {
    const parts = [
      missing > 0 ? `${missing} are not in the backup: they came after it, or it has lost them` : '',
      gone > 0 ? `${gone} are in the backup alone: the journal has lost them` : '',
      different > 0 ? `${different} have other values` : '',
    ];
    return `readings ${measurement} of ${day}: ${parts.filter((part) => part !== '').join('; ')}`;
  });
  const rest = differences.length - LISTED;
  return rest > 0 ? [...sentences, `and ${rest} more days like these`] : sentences;
}
