import { AgentError, messageOf } from '../../system/errors.ts';
import { type BucketManifest, shardGroupsOf } from '../snapshot/bucket-manifest.ts';
import type { InfluxBackup } from './influx-backup.ts';
import { lookAtServer } from './preflight.ts';
import type { RestoreServer } from './restore-server.ts';
import type { SentShard } from './send-shard.ts';
import { countSent, type Progress, sendShards } from './send-shards.ts';
import { changeBucket, deleteBucket, findOrMakeOrg, findServerBucket, type ServerBucket } from './server-buckets.ts';
import type { TimeSpan } from './tallies.ts';
import { type BucketName, findBucket } from './wanted.ts';
import { type WantedShard, wantedShards } from './wanted-shards.ts';

/** What a bucket is described as until all of it is there: a next run knows by it what one that was killed has left. */
const UNFINISHED = 'energy-monitor: unfinished restore';

export interface RestoreBucketOptions {
  server: RestoreServer;
  backup: InfluxBackup;
  /** Which bucket of the backup. */
  from: BucketName;
  /** Under which name it comes; by default the organisation of the backup, which is made where there is none. */
  to: BucketName;
  /** Whether to go on without what of the backup cannot be read. */
  skipDamaged?: boolean;
  /**
   * Whether the bucket keeps its points for ever, instead of as long as the one that was backed up: from an old backup
   * InfluxDB would delete within half an hour what is past its time.
   */
  keepForever?: boolean;
  /** UTC ms, against which points are past their time. */
  nowMs?: number;
  /** What it is described as from the beginning; by default it is the one that was backed up, once it is whole. */
  description?: string;
  /** Whether what is there stays when it fails. */
  keepUnfinished?: boolean;
  /** Told of the bucket's id before anything is sent into it. */
  onMade?: (id: string) => void;
  onProgress?: (progress: Progress) => void;
}

export interface RestoredBucket {
  /** The server's ids. */
  id: string;
  orgId: string;
  org: string;
  bucket: string;
  /** Shards, TSM files and their bytes that came. */
  shards: number;
  files: number;
  bytes: number;
  /** Values that can be read from it: as many as points times fields. */
  values: number;
  /** The times of its shards: where to look for its points. */
  spans: TimeSpan[];
  /** What did not come because it cannot be read, a sentence each. */
  damaged: string[];
  /** For a person, a sentence each. */
  notes: string[];
}

/**
 * Brings one bucket of a backup into a server, under a name that is free there. Nobody else may restore to that name
 * meanwhile: what a run has left that was broken off is removed.
 * @throws AgentError with a remedy; DamagedPart, which names what cannot be read. What was made is removed again
 */
export async function restoreBucket(options: RestoreBucketOptions): Promise<RestoredBucket> {
  const { server, backup, from, to, skipDamaged = false, keepForever = false, keepUnfinished = false } = options;
  const { notes } = await lookAtServer(server, backup.version);
  const manifest = findBucket(backup, from);
  const { shards, damaged } = await wantedShards(backup, [manifest], skipDamaged);
  const orgName = to.org ?? manifest.organizationName;
  const org = await findOrMakeOrg(server, orgName);
  const place = { organizationID: org.id, organizationName: orgName, bucketName: to.bucket };
  const kept = { ...(keepForever ? withoutRetention(manifest) : manifest), ...place };
  const mark = options.description ?? UNFINISHED;
  let made: ServerBucket | undefined;
  try {
    const { bucket, newIds } = await makeBucket(server, { ...withShards(kept, shards), description: mark });
    made = bucket;
    options.onMade?.(bucket.id);
    const sent = await sendShards(server, shards, (id) => newIds.get(id), options);
    const values = await countSent(server, shards, sent, () => ({ orgId: org.id, bucketId: bucket.id }));
    await changeBucket(server, bucket, { description: options.description ?? manifest.description ?? '' });
    const files = sent.flatMap((one) => one.files);
    return {
      id: bucket.id,
      orgId: org.id,
      org: orgName,
      bucket: to.bucket,
      shards: sent.filter((one) => one.files.length > 0).length,
      files: files.length,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      values,
      spans: shards.map(({ fromMs, toMs }) => ({ fromMs, toMs })),
      damaged: [...damaged, ...sent.flatMap((one) => one.damaged)],
      notes: [...notes, ...notesOf(sent, shards), ...expiryNotes(kept, shards, options.nowMs ?? Date.now())],
    };
  } catch (error) {
    if (!keepUnfinished) await undo(server.unstoppable, made, org, { name: to.bucket, mark });
    throw error;
  }
}

/** Without groups that have no points: each shard costs the server memory and open files. */
function withShards(manifest: BucketManifest, shards: readonly WantedShard[]): BucketManifest {
  const ids = new Set(shards.map(({ oldId }) => oldId));
  return {
    ...manifest,
    retentionPolicies: manifest.retentionPolicies.map((policy) => ({
      ...policy,
      shardGroups: shardGroupsOf({ ...manifest, retentionPolicies: [policy] }).filter((group) =>
        group.shards.some(({ id }) => ids.has(id)),
      ),
    })),
  };
}

interface MadeBucket {
  id: string;
  name: string;
  shardMappings?: { oldId: number; newId: number }[] | null;
}

async function makeBucket(
  server: RestoreServer,
  manifest: BucketManifest,
): Promise<{ bucket: ServerBucket; newIds: Map<number, number> }> {
  const { organizationID, organizationName, bucketName } = manifest;
  // 422: that name is taken; perhaps by ourselves, where an answer was lost.
  for (let attempts = 0; attempts < 3; attempts++) {
    const found = await findServerBucket(server, organizationID, bucketName);
    if (found && found.description !== manifest.description) throw taken(bucketName, organizationName);
    if (found) await deleteBucket(server, found);
    const request = { method: 'POST' as const, body: manifest, accepts: [422] };
    const { status, body } = await server.ask<MadeBucket>(
      `making bucket ${bucketName}`,
      '/api/v2/restore/bucketMetadata',
      request,
    );
    if (status === 422) continue;
    const newIds = new Map(body.shardMappings?.map(({ oldId, newId }) => [oldId, newId]));
    return { bucket: { id: body.id, name: body.name }, newIds };
  }
  throw taken(bucketName, organizationName);
}

function notesOf(sent: readonly SentShard[], shards: readonly WantedShard[]): string[] {
  const notes: string[] = [];
  const unproved = shards.filter((_, i) => sent[i]?.proved === false).map(({ oldId }) => oldId);
  if (unproved.length > 0) {
    notes.push(`the server has other files than were sent for shard ${unproved.join(', ')}: compare the points`);
  }
  const deletions = shards.filter(({ shard }) => shard.files.some(({ name }) => name.endsWith('.tombstone')));
  if (deletions.length > 0) {
    notes.push('points that were deleted shortly before the backup are back: InfluxDB restores no deletions');
  }
  return notes;
}

/** Of points that will not stay. */
function expiryNotes({ retentionPolicies }: BucketManifest, shards: readonly WantedShard[], nowMs: number): string[] {
  const keptMs = (retentionPolicies[0]?.duration ?? 0) / 1e6;
  const expired = shards.filter(({ toMs }) => keptMs > 0 && toMs + keptMs < nowMs).length;
  if (expired === 0) return [];
  return [
    `the bucket keeps its points for ${keptMs / 86_400_000} days: ${expired} shards are older, and InfluxDB deletes them soon`,
  ];
}

const withoutRetention = (manifest: BucketManifest): BucketManifest => ({
  ...manifest,
  retentionPolicies: manifest.retentionPolicies.map((policy) => ({ ...policy, duration: 0 })),
});

/** Takes back what a failed restore has made; what of it fails is left to the next run. */
async function undo(
  server: RestoreServer,
  made: ServerBucket | undefined,
  org: { id: string; made: boolean },
  { name, mark }: { name: string; mark: string },
): Promise<void> {
  try {
    const bucket = made ?? (await findServerBucket(server, org.id, name));
    if (bucket && (made || bucket.description === mark)) await deleteBucket(server, bucket);
    if (org.made)
      await server.ask('removing the organisation', `/api/v2/orgs/${org.id}`, { method: 'DELETE', accepts: [404] });
  } catch (error) {
    server.log.warn(
      { bucket: name, reason: messageOf(error) },
      'an unfinished bucket stays; the next restore removes it',
    );
  }
}

function taken(bucket: string, org: string): AgentError {
  return new AgentError('config', `there is a bucket ${bucket} in organisation ${org} already`, {
    hint: 'restore under another name, or rename or delete that one first',
  });
}
