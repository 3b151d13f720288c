import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SinkStatus } from './sink-status.ts';

/** What the forwarding thread last said of itself. */
export interface ForwardingStatus {
  updatedMs: number;
  sinks: SinkStatus[];
}

export function statusPath(runtimeDirectory: string): string {
  return join(runtimeDirectory, 'forwarding.json');
}

export function readForwardingStatus(runtimeDirectory: string): ForwardingStatus | undefined {
  try {
    return JSON.parse(readFileSync(statusPath(runtimeDirectory), 'utf8')) as ForwardingStatus;
  } catch {
    return undefined;
  }
}
