import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CollectorStatus } from '../../agent/collector/status.ts';
import { statusPath } from '../../agent/forwarding/forward-status.ts';
import type { SinkStatus } from '../../agent/forwarding/sink-status.ts';
import type { GapCause, Series, Values } from '../../agent/readings/reading.ts';
import type { LiveFeed, MeterOutcome } from '../../agent/web/live-feed.ts';
import { METER } from './facts.ts';
import { type PageOfTest, startPage } from './page.ts';
import { HOUSE } from './readings.ts';
import { temporaryDirectory } from './temporary.ts';

/** A page of which only what stands in files and what it is told is known. */
export interface BarePage {
  feed: LiveFeed;
  /** Not there yet. */
  stateDir: string;
  runtimeDirectory: string;
  get(path: string, accept?: string): Promise<{ status: number; headers: Headers; body: string }>;
}

export async function barePage(options: Omit<PageOfTest, 'stateDir' | 'runtimeDirectory'> = {}): Promise<BarePage> {
  const runtimeDirectory = temporaryDirectory();
  const stateDir = join(runtimeDirectory, 'state');
  const page = await startPage({ ...options, stateDir, runtimeDirectory });
  return {
    feed: page.feed,
    stateDir,
    runtimeDirectory,
    async get(path, accept = '*/*') {
      const response = await page.get(path, { headers: { accept } });
      return { status: response.status, headers: response.headers, body: await response.text() };
    },
  };
}

/** What the collector tells of a reading. */
export function readingOutcome(timeMs: number, values: Values, series: Series = HOUSE): MeterOutcome {
  return { series, outcome: { timeMs, held: false, reading: { series, timeMs, values } } };
}

/** What it tells of a point without one. */
export function gapOutcome(timeMs: number, cause: GapCause, series: Series = HOUSE): MeterOutcome {
  return { series, outcome: { timeMs, held: false, cause, message: `no reading: ${cause}` } };
}

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
