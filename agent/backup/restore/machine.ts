import { recall, remember, rememberPlace } from '../memory.ts';
import type { Repository } from '../repository.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import { SnapshotWriter } from '../snapshot-writer.ts';
import type { JournalRestoreResult } from './journal.ts';

/**
 * Lets this machine's backups go on where those of the machine that it replaces ended: the same sequence and names, so that
 * nothing that is there travels again. Its own id is another: should the old one come back, it is refused.
 * @param newest sequence in the repository
 */
export async function continueBackups(
  repository: Repository,
  snapshot: SnapshotReader,
  { stateDir, newest, restored }: { stateDir: string; newest: number; restored: JournalRestoreResult },
): Promise<void> {
  const { id } = repository.config;
  const { origin, sequence } = snapshot.manifest;
  const memory = recall(stateDir, id);
  const nameKey = await SnapshotWriter.nameKeyThere(repository);
  const files = snapshot.files().map(({ path, ...file }) => [path, file] as const);
  const isWhole = restored.damaged.length === 0;
  const hasLess = !isWhole || sequence < newest;
  remember(stateDir, id, {
    ...memory,
    ...(nameKey && { nameKey: nameKey.toString('hex') }),
    ...(origin !== undefined && { replaces: origin }),
    sequence: Math.max(memory.sequence, newest),
    verified: isWhole ? [...new Set([...memory.verified, sequence])] : memory.verified,
    readings: Object.values(restored.counts).reduce((sum, n) => sum + n, 0),
    ...(hasLess && { hold: 'what was restored is less than the backups that are there have' }),
    files: Object.fromEntries(files),
  });
  rememberPlace(stateDir, repository.store.label, id);
}
