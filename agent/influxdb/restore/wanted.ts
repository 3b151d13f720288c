import { AgentError } from '../../system/errors.ts';
import type { BucketManifest } from '../snapshot/bucket-manifest.ts';
import type { ShardFile } from '../snapshot/shard-manifest.ts';
import { BLOCK_BYTES } from '../snapshot/tar-reader.ts';
import type { InfluxBackup } from './influx-backup.ts';

/** A bucket is known by both: each organisation has names of its own. */
export interface BucketName {
  /** By default whichever has a bucket of that name. */
  org?: string | undefined;
  bucket: string;
}

/** @throws AgentError `usage` when the backup has none of that name, or several */
export function findBucket({ label, buckets }: InfluxBackup, { org, bucket }: BucketName): BucketManifest {
  const found = buckets.filter(
    (one) => one.bucketName === bucket && (org === undefined || one.organizationName === org),
  );
  const [first] = found;
  if (first && found.length === 1) return first;
  if (first) {
    throw new AgentError('usage', `${label} has several buckets named ${bucket}`, {
      hint: `name the organisation as well: ${found.map((one) => one.organizationName).join(', ')}`,
    });
  }
  const others = buckets
    .map((one) => one.bucketName)
    .filter((name) => !name.startsWith('_'))
    .sort();
  throw new AgentError('usage', `${label} has no bucket ${bucket}${org === undefined ? '' : ` of ${org}`}`, {
    hint: `it has: ${others.join(', ') || 'none'}`,
  });
}

/**
 * Those that a restore sends: the server leaves all others aside, also `.tombstone` files, which say what of a TSM file
 * was deleted.
 */
export const tsmFiles = (files: readonly ShardFile[]): ShardFile[] =>
  files.filter(({ name, type, path }) => type === 'file' && path !== undefined && name.endsWith('.tsm'));

export const bytesOf = (files: readonly ShardFile[]): number => files.reduce((sum, { size }) => sum + size, 0);

/** Of a tar of these files: their headers and contents in whole blocks, two more behind them. */
export const tarBytes = (files: readonly ShardFile[]): number =>
  files.reduce((sum, { size }) => sum + BLOCK_BYTES * (1 + Math.ceil(size / BLOCK_BYTES)), 2 * BLOCK_BYTES);
