import { hostname } from 'node:os';
import type { Entry } from '../journal/entry.ts';
import { deliver } from '../journal/inbox.ts';
import { MACHINE_MEASUREMENTS } from '../readings/reading.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';

/** Names of measurement `backup` that dashboards and alerts know. */
export const BACKUP = { ok: 'ok', total: 'total_bytes', sent: 'sent_bytes', duration: 'duration_seconds' } as const;

/**
 * Puts what a backup did into the journal: measurement `backup`, one series a store. That it cannot be put there is a
 * warning: the backup is none the worse.
 */
export function recordValues(
  stateDir: string,
  store: string,
  nowMs: number,
  values: Record<string, number | undefined>,
  log: Logger,
): void {
  const known = Object.entries(values).filter((pair): pair is [string, number] => pair[1] !== undefined);
  const series = { measurement: MACHINE_MEASUREMENTS[1], meter: hostname(), model: store };
  const reading = { series, timeMs: nowMs, values: Object.fromEntries(known) };
  const decimals = Object.fromEntries(known.map(([name]) => [name, name.endsWith('_seconds') ? 1 : 0]));
  const entry: Entry = { kind: 'reading', reading, decimals };
  try {
    deliver(stateDir, [entry]);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'the journal does not take how the backup went');
  }
}
