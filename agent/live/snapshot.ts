import type { GapCause, Values } from '../readings/reading.ts';

/** All that a live view shows, once a second. */
export interface Snapshot {
  timeMs: number;
  /** What is read, such as `virtual we-515` and its port. */
  title: string;
  /** Values of this second; undefined: a gap. */
  values: Values | undefined;
  gap: { cause: GapCause; message: string } | undefined;
  /** Its time may be wrong: the clock is in doubt. */
  held: boolean;
  good: number;
  missed: number;
  /** Transmission errors and stray bytes of the line since the start. */
  lineErrors: number;
  strayBytes: number;
  connected: boolean;
  hint: string | undefined;
  stateDir: string;
  /** Of the page; undefined while it is not served. */
  url: string | undefined;
}

/** Share of good samples in percent, rounded down: 100 means none was missed. */
export function goodPercent({ good, missed }: Snapshot): string {
  const total = good + missed;
  if (total === 0) return '-';
  const percent = (100 * good) / total;
  return percent === 100 ? '100' : (Math.floor(percent * 10) / 10).toFixed(1);
}

export function lineHealth({ connected, lineErrors, strayBytes }: Snapshot): string {
  if (!connected) return 'line down';
  if (lineErrors === 0 && strayBytes === 0) return 'line ok';
  return `line: ${lineErrors} ${lineErrors === 1 ? 'error' : 'errors'}, ${strayBytes} stray bytes`;
}

/** Empty while the clock is trusted. */
export function timeNote({ held }: Snapshot): string {
  return held ? 'held: the time is not known yet' : '';
}
