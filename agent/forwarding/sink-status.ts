import type { Position } from '../journal/cursors.ts';
import type { Sink } from './sink.ts';

/** What a forwarder says of itself, for `forward status` in another process. Counts are since the collector's start. */
export interface SinkStatus {
  name: string;
  target: string;
  position: Position;
  /** UTC ms of the newest reading that is at the server. */
  lastTimeMs: number | undefined;
  lastWrittenMs: number | undefined;
  /** UTC ms when there was last nothing, or something, to send. */
  checkedMs: number | undefined;
  catchingUp: boolean;
  written: number;
  quarantined: number;
  /** Batches of which the server left points out. */
  partlyRefused: number;
  lastRefusal: string | undefined;
  /** `hold` waits for a person, `retry` for the server. */
  problem: { kind: 'hold' | 'retry'; message: string; hint: string | undefined; sinceMs: number } | undefined;
}

export function newSinkStatus({ name, target }: Pick<Sink, 'name' | 'target'>): SinkStatus {
  return {
    name,
    target,
    position: { key: 0, late: 0 },
    lastTimeMs: undefined,
    lastWrittenMs: undefined,
    checkedMs: undefined,
    catchingUp: false,
    written: 0,
    quarantined: 0,
    partlyRefused: 0,
    lastRefusal: undefined,
    problem: undefined,
  };
}
