import { DAY_S, spelledOut } from './lengths.ts';

export interface BucketPlan {
  name: string;
  /** 0: for ever. */
  retentionS: number;
  shardS: number;
}

export interface Names {
  bucket: string;
  hostBucket: string;
}

/** Buckets of the roll-ups, by their window. */
export const rollupBuckets = (bucket: string) => ({ minutes: `${bucket}_1m`, quarters: `${bucket}_15m` });

/**
 * Buckets with few, big shards: each shard costs memory and open files for as long as it exists, whether it is asked or not
 * (influxdb issues 10939, 21389), and the server opens its port only when all are loaded. The server's own choice, 7 days, makes 52 a
 * year and bucket; 28 days make 13. Roll-ups are so small that a year of them is one shard.
 * Readings and their roll-ups are kept for ever: the disk decides, and only a person may shorten that. What the machine did a year ago is
 * of no use to anybody; it goes a whole shard at a time.
 */
export function bucketPlans({ bucket, hostBucket }: Names): BucketPlan[] {
  const { minutes, quarters } = rollupBuckets(bucket);
  return [
    { name: bucket, retentionS: 0, shardS: 28 * DAY_S },
    { name: minutes, retentionS: 0, shardS: 364 * DAY_S },
    { name: quarters, retentionS: 0, shardS: 364 * DAY_S },
    { name: hostBucket, retentionS: 364 * DAY_S, shardS: 28 * DAY_S },
  ];
}

/** "kept for ever, shards of 28 days" */
export function lengthsOf(retentionS: number, shardS: number): string {
  return `kept ${retentionS === 0 ? 'for ever' : `for ${spelledOut(retentionS)}`}, shards of ${spelledOut(shardS)}`;
}
