import { compareBucket, talliesOf } from '../../influxdb/restore/compare.ts';
import type { InfluxBackup } from '../../influxdb/restore/influx-backup.ts';
import { type BucketContents, planRestore } from '../../influxdb/restore/plan.ts';
import { restoreBucket } from '../../influxdb/restore/restore-bucket.ts';
import type { RestoreServer } from '../../influxdb/restore/restore-server.ts';
import { deleteBucket, findOrg, findServerBucket } from '../../influxdb/restore/server-buckets.ts';
import type { TimeSpan } from '../../influxdb/restore/tallies.ts';
import { type BucketName, findBucket } from '../../influxdb/restore/wanted.ts';
import { ON_TRIAL, shardGroupsOf } from '../../influxdb/snapshot/bucket-manifest.ts';
import { AgentError } from '../../system/errors.ts';
import { differencesIn, WRITTEN_MS } from './differences.ts';
import type { DrillPart, DrillProgress } from './part.ts';

const DAY_MS = 86_400_000;

export interface BucketsDrill {
  /** Where the buckets are restored. */
  server: RestoreServer;
  /** The live ones, which they are compared with; by default of the same server. */
  live?: RestoreServer | undefined;
  backup: InfluxBackup;
  /** UTC ms. */
  madeMs: number;
  nowMs: number;
  onProgress: DrillProgress;
}

/**
 * Restores each bucket of a backup as `NAME-drill`, compares it with the live one and removes it again. Nothing of that name
 * that it did not make is touched.
 * @throws AgentError when the server cannot be used
 */
export async function drillBuckets(name: string, drill: BucketsDrill): Promise<DrillPart> {
  const { buckets } = await planRestore(drill.backup);
  const part: DrillPart = { name, done: '', problems: [] };
  let [values, bytes, compared] = [0, 0, 0];
  // Also one of which no shard is in the backup: the live one may have points of that time.
  for (const contents of buckets.filter(({ listed }) => listed > 0)) {
    if (!(await hasPlace(contents, drill))) {
      part.problems.push(`organisation ${contents.org} is not in the server: bucket ${contents.bucket} was not tried`);
      continue;
    }
    const { restored, comparison } = await drillBucket(contents, drill);
    values += restored.values;
    bytes += restored.bytes;
    compared += comparison?.rightCount ?? 0;
    part.problems.push(...restored.damaged, ...differencesIn(contents.bucket, comparison));
    if (!comparison) part.problems.push(`bucket ${contents.bucket} of the backup is not in the server any more`);
  }
  part.done = `restored, ${values} values (${(bytes / 1e6).toFixed(1)} MB), ${compared} of them compared with the live ones`;
  return part;
}

/** Between the live buckets no organisation is made. */
const hasPlace = async ({ org }: BucketContents, { server, live }: BucketsDrill): Promise<boolean> =>
  live !== undefined || (await findOrg(server, org)) !== undefined;

async function drillBucket({ org, bucket, retentionS }: BucketContents, drill: BucketsDrill) {
  const { server, live = server, backup, madeMs, nowMs, onProgress } = drill;
  const scratch = `${bucket}-drill`;
  await removeScratch(server, org, scratch);
  try {
    const restored = await restoreBucket({
      server,
      backup,
      from: { bucket, org },
      to: { bucket: scratch },
      skipDamaged: true,
      keepForever: true,
      description: ON_TRIAL,
      onProgress: ({ doneBytes, allBytes }) =>
        onProgress(`bucket ${bucket}`, { unit: 'bytes', done: doneBytes, all: allBytes }),
    });
    const orgId = await findOrg(live, org);
    const there = orgId === undefined ? undefined : await findServerBucket(live, orgId, bucket);
    // The live one may have been told meanwhile to keep less.
    const keptS = Math.min(...[retentionS, there?.retentionRules?.[0]?.everySeconds ?? 0].map((s) => s || Infinity));
    const comparison = there
      ? await compareBucket({
          server,
          org,
          expected: await talliesOf(live, org, bucket),
          bucket: scratch,
          spans: spansKept(spansListed(backup, { org, bucket }), keptS * 1000, nowMs),
          goesOnFromMs: madeMs - WRITTEN_MS,
          onProgress: (done, all) => onProgress(`comparing bucket ${bucket}`, { unit: 'months', done, all }),
        })
      : undefined;
    return { restored, comparison };
  } finally {
    await removeScratch(server.unstoppable, org, scratch);
  }
}

/** Also of shards that are not in the backup. */
const spansListed = (backup: InfluxBackup, name: BucketName): TimeSpan[] =>
  shardGroupsOf(findBucket(backup, name)).map(({ startTime, endTime }) => ({
    fromMs: Date.parse(startTime),
    toMs: Date.parse(endTime),
  }));

/** Without the shards that the live server lets go, or has let go already, because they are past their time. */
const spansKept = (spans: readonly TimeSpan[], retentionMs: number, nowMs: number): TimeSpan[] =>
  spans.filter(({ fromMs }) => fromMs + retentionMs > nowMs + DAY_MS);

/** @throws AgentError when there is a bucket of this name that is not a drill's */
async function removeScratch(server: RestoreServer, org: string, name: string): Promise<void> {
  const orgId = await findOrg(server, org);
  const found = orgId === undefined ? undefined : await findServerBucket(server, orgId, name);
  if (!found) return;
  if (found.description !== ON_TRIAL) {
    throw new AgentError('config', `there is a bucket ${name} in organisation ${org} that no drill has made`, {
      hint: 'rename or delete it: a drill restores there',
    });
  }
  await deleteBucket(server, found);
}
