import { recall, remember, rememberPlace } from '../memory.ts';
import { adoptOrigin } from '../origin.ts';
import type { Repository } from '../repository.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import { SnapshotWriter } from '../snapshot-writer.ts';

/**
 * Lets this machine's backups go on where those of the machine that it replaces ended: the same origin, sequence and names,
 * so that nothing that is there travels again.
 */
export async function continueBackups(
  repository: Repository,
  snapshot: SnapshotReader,
  stateDir: string,
): Promise<void> {
  const { id } = repository.config;
  const { origin, sequence } = snapshot.manifest;
  const memory = recall(stateDir, id);
  const nameKey = await SnapshotWriter.nameKeyThere(repository);
  const files = snapshot.files().map(({ path, ...file }) => [path, file] as const);
  if (origin !== undefined) adoptOrigin(stateDir, origin);
  remember(stateDir, id, {
    ...memory,
    ...(nameKey && { nameKey: nameKey.toString('hex') }),
    sequence: Math.max(memory.sequence, sequence),
    verified: [...new Set([...memory.verified, sequence])],
    readings: Object.values(snapshot.details.counts).reduce((sum, n) => sum + n, 0),
    files: Object.fromEntries(files),
  });
  rememberPlace(stateDir, repository.store.label, id);
}
