import type { Logger } from '../system/logging.ts';
import type { RetentionLimits } from './retention.ts';

export interface JournalOptions extends RetentionLimits {
  stateDir: string;
  /** Longest time until a reading is durable on the card: what a power cut can cost. */
  flushIntervalMs: number;
  /** Longest time until it is in the database; by default COMMIT_INTERVAL_MS. */
  commitIntervalMs?: number;
  /** Is what was set aside salvaged in the background? By default it is. */
  salvage?: boolean;
  log: Logger;
}
