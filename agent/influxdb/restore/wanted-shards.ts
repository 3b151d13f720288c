import { type BucketManifest, shardGroupsOf, shardsOf } from '../snapshot/bucket-manifest.ts';
import type { ShardFile } from '../snapshot/shard-manifest.ts';
import { DamagedPart, type InfluxBackup, type KeptShard } from './influx-backup.ts';
import type { TimeSpan } from './tallies.ts';
import { tsmFiles } from './wanted.ts';

/** A shard of the backup that has points, with its time. */
export interface WantedShard extends TimeSpan {
  bucket: BucketManifest;
  /** In the backup. */
  oldId: number;
  shard: KeptShard;
  /** What of it is sent. */
  files: readonly ShardFile[];
}

/**
 * The shards of buckets that have points, the oldest first.
 * @param skipDamaged whether to go on without what cannot be read, a sentence each in `damaged`
 * @throws DamagedPart otherwise
 */
export async function wantedShards(
  backup: InfluxBackup,
  buckets: readonly BucketManifest[],
  skipDamaged: boolean,
): Promise<{ shards: WantedShard[]; damaged: string[] }> {
  const shards: WantedShard[] = [];
  const damaged: string[] = [];
  for (const bucket of buckets) {
    const ids = new Set(shardsOf(bucket));
    for (const { startTime, endTime, shards: listed } of shardGroupsOf(bucket)) {
      const span = { fromMs: Date.parse(startTime), toMs: Date.parse(endTime) };
      for (const { id } of listed.filter((one) => ids.has(one.id))) {
        try {
          const shard = await backup.shard(id);
          const files = tsmFiles(shard?.files ?? []);
          if (shard && files.length > 0) shards.push({ bucket, oldId: id, shard, files, ...span });
        } catch (error) {
          if (!skipDamaged || !(error instanceof DamagedPart)) throw error;
          damaged.push(error.message);
        }
      }
    }
  }
  return { shards: shards.toSorted((a, b) => a.fromMs - b.fromMs), damaged };
}
