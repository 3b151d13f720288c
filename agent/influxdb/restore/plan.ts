import { shardGroupsOf, shardsOf } from '../snapshot/bucket-manifest.ts';
import { DamagedPart, type InfluxBackup } from './influx-backup.ts';
import type { TimeSpan } from './tallies.ts';
import { bytesOf, tsmFiles } from './wanted.ts';

/** What of a bucket is in a backup. */
export interface BucketContents {
  org: string;
  bucket: string;
  /** Seconds; 0: for ever. */
  retentionS: number;
  /** UTC ms: the beginning of its first shard and the end of its last; undefined without any. */
  span: TimeSpan | undefined;
  /** Shards that the server listed. */
  listed: number;
  /** Shards with data. Fewer than are listed: of time without a point, or ones that InfluxDB could not open. */
  shards: number;
  /** TSM files, and their bytes. */
  files: number;
  bytes: number;
  /** Files that say what was deleted: a restore cannot bring them, so those points come back. */
  tombstones: number;
  /** What cannot be read, a sentence each. Contents are looked at only when they are restored. */
  damaged: string[];
}

export interface RestorePlan {
  label: string;
  version: string | undefined;
  /** Whether users, tokens, dashboards and tasks are in it: what restoring a whole server needs. */
  hasDatabases: boolean;
  buckets: BucketContents[];
}

/** What is in a backup. System buckets are listed, and have no shards there. */
export async function planRestore(backup: InfluxBackup): Promise<RestorePlan> {
  const buckets: BucketContents[] = [];
  for (const bucket of backup.buckets) {
    const ids = shardsOf(bucket);
    const contents: BucketContents = {
      org: bucket.organizationName,
      bucket: bucket.bucketName,
      retentionS: (bucket.retentionPolicies[0]?.duration ?? 0) / 1e9,
      span: undefined,
      listed: ids.length,
      shards: 0,
      files: 0,
      bytes: 0,
      tombstones: 0,
      damaged: [],
    };
    const kept = new Set<number>();
    for (const id of ids) if (await addShard(backup, id, contents)) kept.add(id);
    const groups = shardGroupsOf(bucket).filter(({ shards }) => shards.some(({ id }) => kept.has(id)));
    if (groups.length > 0) {
      contents.span = {
        fromMs: Math.min(...groups.map(({ startTime }) => Date.parse(startTime))),
        toMs: Math.max(...groups.map(({ endTime }) => Date.parse(endTime))),
      };
    }
    buckets.push(contents);
  }
  const hasDatabases = backup.database('kv') !== undefined && backup.database('sql') !== undefined;
  return { label: backup.label, version: backup.version, hasDatabases, buckets };
}

async function addShard(backup: InfluxBackup, id: number, contents: BucketContents): Promise<boolean> {
  try {
    const shard = await backup.shard(id);
    const files = tsmFiles(shard?.files ?? []);
    if (!shard || files.length === 0) return false;
    contents.shards++;
    contents.files += files.length;
    contents.bytes += bytesOf(files);
    contents.tombstones += shard.files.filter(({ name }) => name.endsWith('.tombstone')).length;
    return true;
  } catch (error) {
    if (!(error instanceof DamagedPart)) throw error;
    contents.damaged.push(error.message);
    return false;
  }
}
