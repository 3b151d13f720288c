import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CollectorStatus } from '../../agent/collector/status.ts';
import { statusPath } from '../../agent/forwarding/forward-status.ts';
import type { SinkStatus } from '../../agent/forwarding/sink-status.ts';
import { METER } from './facts.ts';

/** The status file of a collector that runs here and reads one meter. */
export function writeStatus(directory: string, more: Partial<CollectorStatus> = {}): void {
  const status: CollectorStatus = {
    pid: process.pid,
    startedMs: Date.now() - 60_000,
    updatedMs: Date.now(),
    journal: { pending: 7, problem: undefined },
    clock: { doubt: undefined, message: undefined, confirmed: true },
    meters: [METER],
    ...more,
  };
  writeFileSync(join(directory, 'status.json'), JSON.stringify(status));
}

/** That of its forwarding. */
export function writeForwarding(directory: string, sinks: readonly SinkStatus[]): void {
  writeFileSync(statusPath(directory), JSON.stringify({ updatedMs: Date.now(), sinks }));
}
