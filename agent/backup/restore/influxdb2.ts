import type { InfluxBackup, KeptShard } from '../../influxdb/restore/influx-backup.ts';
import { DamagedPart } from '../../influxdb/restore/influx-backup.ts';
import { planRestore, type RestorePlan } from '../../influxdb/restore/plan.ts';
import { type BucketManifest, parseBucketManifests } from '../../influxdb/snapshot/bucket-manifest.ts';
import { decodeShardManifest, shardTar } from '../../influxdb/snapshot/shard-manifest.ts';
import { AgentError, messageOf } from '../../system/errors.ts';
import type { SnapshotFile } from '../manifest.ts';
import { DamagedContent, type SnapshotReader } from '../snapshot-reader.ts';
import { SHARD_MANIFEST } from '../sources/influxdb2-stamps.ts';
import { notInSnapshot } from './database-kind.ts';

/** What of an InfluxDB 2 is in a snapshot. @throws as snapshotInflux() */
export async function planInfluxRestore(snapshot: SnapshotReader, sourceName: string): Promise<RestorePlan> {
  return planRestore(await snapshotInflux(snapshot, sourceName));
}

/**
 * The InfluxDB 2 of a snapshot, as a restore takes it.
 * @param sourceName such as `influxdb`
 * @throws AgentError when it is not in this snapshot, is no InfluxDB 2, or its list of buckets is damaged
 */
export async function snapshotInflux(snapshot: SnapshotReader, sourceName: string): Promise<InfluxBackup> {
  const below = `${sourceName}/`;
  const label = `backup ${snapshot.manifest.sequence}`;
  const listed = snapshot.file(`${below}buckets.json`);
  if (!listed) throw notInSnapshot(snapshot, sourceName, 'influxdb2');
  const buckets = await bucketsIn(snapshot, listed);
  const summary = snapshot.file(`${below}summary.json`);
  const version = summary ? await versionIn(snapshot, summary) : undefined;
  return {
    label,
    version,
    buckets,
    database: (name) => {
      const file = snapshot.file(`${below}metadata/${name}`);
      return file && { bytes: file.bytes, content: () => guarded(snapshot, file) };
    },
    shard: (id) => keptShard(snapshot, `${below}shards/${id}/`),
  };
}

async function keptShard(snapshot: SnapshotReader, below: string): Promise<KeptShard | undefined> {
  const list = snapshot.file(`${below}${SHARD_MANIFEST}`);
  if (!list) return undefined;
  const { shard, files } = decodeShardManifest(await whole(snapshot, list));
  return {
    files,
    tar: (wanted) =>
      shardTar({ shard, files: [...wanted] }, (path) => {
        const file = snapshot.file(`${below}${path}`);
        if (!file) throw new DamagedPart(`${below}${path} is not in the backup`, { path });
        return guarded(snapshot, file, path);
      }),
  };
}

async function* guarded(snapshot: SnapshotReader, file: SnapshotFile, path?: string): AsyncGenerator<Buffer> {
  try {
    yield* snapshot.content(file);
  } catch (error) {
    if (!(error instanceof DamagedContent)) throw error;
    throw new DamagedPart(error.message, { cause: error, ...(path === undefined ? {} : { path }) });
  }
}

async function whole(snapshot: SnapshotReader, file: SnapshotFile): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of guarded(snapshot, file)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function bucketsIn(snapshot: SnapshotReader, file: SnapshotFile): Promise<BucketManifest[]> {
  const data = await snapshot.whole(file);
  try {
    return parseBucketManifests(data.toString());
  } catch (error) {
    throw new AgentError('storage', `${file.path} of backup ${snapshot.manifest.sequence}: ${messageOf(error)}`, {
      hint: 'use another backup',
    });
  }
}

/** A note for people; without it the rest is as good. */
async function versionIn(snapshot: SnapshotReader, file: SnapshotFile): Promise<string | undefined> {
  try {
    const { version } = JSON.parse((await snapshot.whole(file)).toString()) as { version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
