import type { SinkConfig } from '../config/schema.ts';
import { isOfMachine } from '../readings/reading.ts';

/**
 * One of the two ways to a server: a bucket for the machine's metrics that is missing, or not allowed, must not hold up the
 * meters' readings. Each has a cursor of its own.
 */
export interface Lane {
  /** Its name in cursors, logs and status: the server's, or the server's and /host. */
  consumer: string;
  bucket: string;
  wants: (measurement: string) => boolean;
}

export function lanesOf({ name, bucket, hostBucket }: Pick<SinkConfig, 'name' | 'bucket' | 'hostBucket'>): Lane[] {
  return [
    { consumer: name, bucket, wants: (measurement) => !isOfMachine(measurement) },
    { consumer: `${name}/host`, bucket: hostBucket, wants: isOfMachine },
  ];
}
