import { BrokenAnswer } from './broken-answer.ts';

/** A bucket with its shards, as `GET /api/v2/backup/metadata` lists it (part `buckets`); only what is used here. */
export interface BucketManifest {
  organizationID: string;
  organizationName: string;
  bucketID: string;
  bucketName: string;
  description?: string;
  retentionPolicies: RetentionPolicy[];
}

export interface RetentionPolicy {
  name: string;
  /** Nanoseconds; 0: for ever. */
  duration: number;
  shardGroups: ShardGroup[];
}

export interface ShardGroup {
  id: number;
  startTime: string;
  endTime: string;
  /** Retention has given it up. */
  deletedAt?: string;
  shards: { id: number }[];
}

const SYSTEM_BUCKETS = new Set(['_tasks', '_monitoring']);
/** What a bucket that `backup drill` has made is described as: it goes soon, or with the next drill. */
export const ON_TRIAL = 'energy-monitor: restored on trial, may be removed';

/** @throws BrokenAnswer unless it is a list of buckets in the known shape */
export function parseBucketManifests(text: string): BucketManifest[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BrokenAnswer('the list of buckets is no JSON');
  }
  if (!Array.isArray(value) || !value.every(isBucket)) {
    throw new BrokenAnswer('the list of buckets is not in the shape of InfluxDB 2');
  }
  return value.toSorted((a, b) => (a.bucketID < b.bucketID ? -1 : 1));
}

/**
 * Ids of the shards whose data are worth keeping, ascending. Those of the system buckets `_tasks` and `_monitoring` are
 * left out: logs of the server's own, which change each minute and which nothing is computed from. So are those of a
 * drill's buckets, which are a backup's already.
 */
export function shardsOf(bucket: BucketManifest): number[] {
  if (SYSTEM_BUCKETS.has(bucket.bucketName) || bucket.description === ON_TRIAL) return [];
  return shardGroupsOf(bucket)
    .flatMap((group) => group.shards.map(({ id }) => id))
    .toSorted((a, b) => a - b);
}

/** Those that retention has not given up. */
export function shardGroupsOf(bucket: BucketManifest): ShardGroup[] {
  return bucket.retentionPolicies
    .flatMap((policy) => policy.shardGroups)
    .filter((group) => group.deletedAt === undefined);
}

function isBucket(value: unknown): value is BucketManifest {
  return (
    hasTexts(value, ['organizationID', 'organizationName', 'bucketID', 'bucketName']) &&
    isListOf(value.retentionPolicies, (policy) => {
      return hasTexts(policy, ['name']) && Number.isFinite(policy.duration) && isListOf(policy.shardGroups, isGroup);
    })
  );
}

function isGroup(value: unknown): boolean {
  return (
    hasTexts(value, ['startTime', 'endTime']) &&
    Number.isSafeInteger(value.id) &&
    isListOf(value.shards, (shard) => hasTexts(shard, []) && Number.isSafeInteger(shard.id))
  );
}

function hasTexts(value: unknown, keys: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<string, unknown>;
  return keys.every((key) => typeof record[key] === 'string');
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne);
}
