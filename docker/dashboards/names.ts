import { DEFAULT_BUCKETS } from '../../agent/config/schema.ts';
import { fluxString } from '../../agent/influxdb/flux.ts';
import { TAGS } from '../../agent/influxdb/line-protocol.ts';
import { rollupBuckets } from '../../agent/influxdb/setup/plan.ts';
import { ROLLUP } from '../../agent/influxdb/setup/rollup-flux.ts';
import type { Quantity } from '../../agent/readings/quantity.ts';
import { MACHINE_MEASUREMENTS, METER_MEASUREMENT } from '../../agent/readings/reading.ts';

/** Names of the server, as Flux literals; all of them are the agent's own. */
export const BUCKET = {
  raw: fluxString(DEFAULT_BUCKETS.readings),
  minutes: fluxString(rollupBuckets(DEFAULT_BUCKETS.readings).minutes),
  quarters: fluxString(rollupBuckets(DEFAULT_BUCKETS.readings).quarters),
  host: fluxString(DEFAULT_BUCKETS.host),
} as const;

export const MEASUREMENT = {
  meter: fluxString(METER_MEASUREMENT),
  host: fluxString(MACHINE_MEASUREMENTS[0]),
  backup: fluxString(MACHINE_MEASUREMENTS[1]),
} as const;

export { ROLLUP, TAGS };

/** A field of the meters' measurement, as a Flux literal. */
export const field = (quantity: Quantity): string => fluxString(quantity);

/** Uids: what refers to what, in provisioning and in dashboards. */
export const UID = {
  flux: 'influxdb',
  influxql: 'influxdb-influxql',
  folder: 'energy-monitor',
  home: 'energy-home',
  quality: 'energy-quality',
  machine: 'energy-machine',
} as const;
