/** Where readings belong: one meter (or other source) as one measurement. Becomes InfluxDB measurement and tags. */
export interface Series {
  measurement: string;
  meter: string;
  model: string;
}

/** Measurement of what meters read. */
export const METER_MEASUREMENT = 'energy';

/** Measurements whose series are of this machine, not of a meter; `meter` is then its host name. */
export const MACHINE_MEASUREMENTS = ['host', 'backup'] as const;

export function isOfMachine(measurement: string): boolean {
  return (MACHINE_MEASUREMENTS as readonly string[]).includes(measurement);
}

/** Values by quantity name, in the units of QUANTITIES. */
export type Values = Record<string, number>;

/** One sample: everything a source read for one point of its grid. */
export interface Reading {
  series: Series;
  /** UTC milliseconds of the grid point (the wall-clock second) the sample was scheduled for. */
  timeMs: number;
  values: Values;
}

/** Why there is no reading for a grid point. */
export const GAP_CAUSES = [
  'timeout',
  'crc',
  'exception',
  'noise',
  'disconnected',
  'implausible',
  'busy',
  'stalled',
  'stopped',
  'clock',
  'internal',
] as const;

export type GapCause = (typeof GAP_CAUSES)[number];

/** Consecutive grid points without a reading, for one cause; both ends are grid points that are missing. */
export interface Gap {
  series: Series;
  fromMs: number;
  toMs: number;
  cause: GapCause;
}

export function seriesKey(series: Series): string {
  return JSON.stringify([series.measurement, series.meter, series.model]);
}
