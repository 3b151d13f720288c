import type { Config } from '../config/schema.ts';
import { storeName } from '../config/store-name.ts';
import type { ForwardingPlace } from '../forwarding/forward-report.ts';
import type { Expected } from './facts.ts';

/** What of a configuration the facts are measured by: small, and without a secret, so that another thread may have it. */
export interface Configured extends Expected, Pick<ForwardingPlace, 'influxdb'> {
  timeZone: string | undefined;
  meters: readonly { name: string; interval: number }[];
}

/** @param file where it stands; undefined where a command line says all of it */
export function configuredBy({ timeZone, meters, influxdb, backup }: Config, file: string | undefined): Configured {
  return {
    file,
    timeZone,
    meters: meters.map(({ name, interval }) => ({ name, interval })),
    influxdb: influxdb.map(({ name, url, bucket, hostBucket }) => ({ name, url, bucket, hostBucket })),
    stores: backup?.stores.map(storeName),
    drills: backup?.drill !== undefined || backup?.unencrypted === true,
  };
}
