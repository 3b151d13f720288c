import type { WriteOutcome } from '../influxdb/write-outcome.ts';
import type { Reading } from '../readings/reading.ts';

/** Where readings go. Writing the same readings again must change nothing there. */
export interface Sink {
  /** Its name in the configuration, in cursors, logs and status. */
  readonly name: string;
  /** For people, without secrets. */
  readonly target: string;
  /** Never throws but for an aborted signal. */
  write(readings: readonly Reading[], signal?: AbortSignal): Promise<WriteOutcome>;
  close(): void;
}
