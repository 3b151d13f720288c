import { AgentError } from '../../system/errors.ts';
import type { RestoreServer } from './restore-server.ts';
import { type SentShard, sendShard } from './send-shard.ts';
import { countValues } from './tallies.ts';
import { tarBytes } from './wanted.ts';
import type { WantedShard } from './wanted-shards.ts';

/** How far a restore is. */
export interface Progress {
  /** What was sent. Goes back where something has to be sent again. */
  doneBytes: number;
  allBytes: number;
  /** Shards that are there. */
  doneShards: number;
  allShards: number;
}

/**
 * Sends shards one after the other.
 * @param newIdOf the server's id of a shard of the backup
 * @returns what became of each, in their order
 * @throws AgentError, as sendShard() besides
 */
export async function sendShards(
  server: RestoreServer,
  shards: readonly WantedShard[],
  newIdOf: (oldId: number) => number | undefined,
  { skipDamaged = false, onProgress = () => {} }: { skipDamaged?: boolean; onProgress?: (progress: Progress) => void },
): Promise<SentShard[]> {
  const allBytes = shards.reduce((sum, { files }) => sum + tarBytes(files), 0);
  const progress: Progress = { doneBytes: 0, allBytes, doneShards: 0, allShards: shards.length };
  const sent: SentShard[] = [];
  for (const wanted of shards) {
    const newId = newIdOf(wanted.oldId);
    if (newId === undefined) {
      throw new AgentError('unavailable', `${server.url} made no shard for shard ${wanted.oldId} of the backup`);
    }
    sent.push(
      await sendShard(server, { ...wanted, newId }, skipDamaged, (bytes) => {
        progress.doneBytes += bytes;
        onProgress({ ...progress });
      }),
    );
    progress.doneShards++;
    onProgress({ ...progress });
  }
  return sent;
}

/**
 * Counts what can be read of the shards that were sent, in the storage engine: values, as many as points times fields.
 * @param placeOf where a shard has gone to
 * @throws AgentError where the server has the files of a shard, and no point of its time can be read
 */
export async function countSent(
  server: RestoreServer,
  shards: readonly WantedShard[],
  sent: readonly SentShard[],
  placeOf: (shard: WantedShard) => { orgId: string; bucketId: string },
): Promise<number> {
  let values = 0;
  for (const [i, shard] of shards.entries()) {
    if (!sent[i]?.files.length) continue;
    const { orgId, bucketId } = placeOf(shard);
    const found = await countValues(server, orgId, bucketId, shard);
    if (found === 0) {
      throw new AgentError(
        'unavailable',
        `${server.url} has shard ${shard.oldId} of the backup, and no point of it can be read`,
        { hint: 'see the log of influxd' },
      );
    }
    values += found;
  }
  return values;
}
