import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeDirectory } from '../journal/runtime-directory.ts';
import type { JournalStatus } from '../journal/trouble.ts';
import type { LineStats } from '../modbus/line-stats.ts';
import type { GapCause, Values } from '../readings/reading.ts';
import type { ClockStatus } from './clock-watch.ts';
import type { ReloadOutcome } from './reload.ts';

export interface MeterStatus {
  name: string;
  model: string;
  /** Absent from a collector of before. */
  intervalMs?: number;
  line: string;
  connected: boolean;
  problem: { message: string; hint: string | undefined } | undefined;
  plan: { address: number; count: number }[];
  /** Since the collector's start. */
  good: number;
  gaps: Partial<Record<GapCause, number>>;
  suspicious: number;
  lastReading: { timeMs: number; values: Values } | undefined;
  lastGap: { timeMs: number; cause: GapCause; message: string } | undefined;
  lineStats: LineStats;
}

/** What the running collector says of itself, for `status` in another process. */
export interface CollectorStatus {
  pid: number;
  /** By the clock as it goes now, whatever it showed then. */
  startedMs: number;
  updatedMs: number;
  /** Set when the collector ended cleanly. */
  stoppedMs?: number;
  /** Absent from a collector of before. */
  journal?: JournalStatus;
  /** Undefined of an older collector. */
  clock: ClockStatus | undefined;
  meters: MeterStatus[];
  /** The last time that the configuration was read again. */
  reload?: ReloadOutcome | undefined;
}

const STATUS_NAME = 'status.json';
const EVERY_MS = 1000;
/** When only the card is there to write to, the status is a luxury. */
const EVERY_ON_CARD_MS = 60_000;
/** Older, it is of a collector that is gone. */
const FRESH_MS = 120_000;

/** Keeps the status file fresh; returns what ends that. */
export function publishStatus(runtime: RuntimeDirectory, status: () => CollectorStatus): () => void {
  const path = join(runtime.path, STATUS_NAME);
  const write = (stoppedMs?: number) => {
    try {
      writeFileSync(`${path}.new`, JSON.stringify({ ...status(), stoppedMs }));
      renameSync(`${path}.new`, path);
    } catch {
      // Nobody misses a status more than the reading that this must not disturb.
    }
  };
  write();
  const timer = setInterval(() => write(), runtime.inMemory ? EVERY_MS : EVERY_ON_CARD_MS);
  return () => {
    clearInterval(timer);
    write(Date.now());
  };
}

/** The last status that a collector left there, whether it still runs or not. */
export function readStatus(directory: string): CollectorStatus | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, STATUS_NAME), 'utf8')) as CollectorStatus;
  } catch {
    return undefined;
  }
}

/** The status of the collector that runs: without a look at its process, by its age alone. */
export function freshStatus(directory: string, nowMs: number): CollectorStatus | undefined {
  const status = readStatus(directory);
  const isOld = !status || status.stoppedMs !== undefined || Math.abs(nowMs - status.updatedMs) > FRESH_MS;
  return isOld ? undefined : status;
}

/** Does the process that wrote the status still run? */
export function isAlive(pid: number): boolean {
  // Zero is this process's own group (kill(2)).
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
