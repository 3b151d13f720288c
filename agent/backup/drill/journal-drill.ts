import { existsSync } from 'node:fs';
import { compareJournals, type JournalComparison } from '../../journal/comparison.ts';
import { journalPath } from '../../journal/database.ts';
import { journalBytes, restoreJournal } from '../restore/journal.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import type { DrillPart, DrillProgress } from './part.ts';
import { requireRoom } from './room.ts';

/** What a collector has in memory and spool is not in a backup, and is committed within this time. */
const COMMITTED_AFTER_MS = 15 * 60_000;
const LISTED = 5;

/**
 * Restores the journal of a snapshot into a scratch directory and compares it, reading by reading, with the one that is
 * collected into, where there is one.
 * @throws AgentError without room, or when nothing can be restored
 */
export async function drillJournal(
  snapshot: SnapshotReader,
  { stateDir, scratch, onProgress }: { stateDir: string; scratch: string; onProgress: DrillProgress },
): Promise<DrillPart> {
  requireRoom(scratch, journalBytes(snapshot));
  const restored = await restoreJournal(snapshot, scratch, {
    skipDamaged: true,
    onProgress: (done, all) => onProgress('journal', { unit: 'bytes', done, all }),
  });
  const done = `restored, ${restored.added} readings`;
  if (!existsSync(journalPath(stateDir))) return { name: 'journal', done, problems: restored.damaged };
  const comparison = compareJournals(stateDir, scratch, snapshot.manifest.createdMs - COMMITTED_AFTER_MS, (days, all) =>
    onProgress('comparing the journal', { unit: 'days', done: days, all }),
  );
  return {
    name: 'journal',
    done: `${done}, ${comparison.compared} of them compared with those here`,
    problems: [...restored.damaged, ...problemsOf(comparison)],
  };
}

function problemsOf({ differences }: JournalComparison): string[] {
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
