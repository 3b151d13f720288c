import { request } from 'node:http';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Outcome } from '../../agent/collector/meter-loop.ts';
import type { GapCause, Series, Values } from '../../agent/readings/reading.ts';
import { LiveFeed } from '../../agent/web/live-feed.ts';
import type { PageOptions } from '../../agent/web/options.ts';
import { Page } from '../../agent/web/page-server.ts';
import { freePort } from './free-port.ts';
import { HOUSE } from './readings.ts';
import { silentLog } from './silent-log.ts';
import { temporaryDirectory } from './temporary.ts';

export interface PageAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export interface RunningPage {
  url: string;
  feed: LiveFeed;
  stateDir: string;
  runtimeDirectory: string;
  get(path: string, headers?: Record<string, string>): Promise<PageAnswer>;
  stop(): Promise<void>;
}

let pages = 0;

/** The page's server in this process, on a free port; it stops with the test. */
export async function startPage(options: Partial<PageOptions> = {}): Promise<RunningPage> {
  const directory = temporaryDirectory();
  const address = { host: '127.0.0.1', port: await freePort() };
  const feed = new LiveFeed();
  const given: PageOptions = {
    address,
    name: `test-${process.pid}-${++pages}`,
    stateDir: join(directory, 'state'),
    runtimeDirectory: directory,
    timeZone: 'Europe/Berlin',
    meters: [{ name: HOUSE.meter, model: HOUSE.model, intervalMs: 1000 }],
    web: { hosts: [], hideAfter: 30 * 86_400_000 },
    logLevel: 'silent',
    ...options,
  };
  const page = new Page({ ...given, feed, log: silentLog });
  await page.start();
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await page.stop();
    isStopped = true;
  };
  onTestFinished(stop);
  const { stateDir, runtimeDirectory } = given;
  const get = (path: string, headers: Record<string, string> = {}) => ask(address.port, path, headers);
  return { url: `http://127.0.0.1:${address.port}`, feed, stateDir, runtimeDirectory, get, stop };
}

function ask(port: number, path: string, headers: Record<string, string>): Promise<PageAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** What the collector tells of a reading. */
export function readingOutcome(timeMs: number, values: Values, series: Series = HOUSE) {
  const outcome: Outcome = { timeMs, held: false, reading: { series, timeMs, values } };
  return { series, outcome };
}

/** What it tells of a point without one. */
export function gapOutcome(timeMs: number, cause: GapCause, series: Series = HOUSE) {
  const outcome: Outcome = { timeMs, held: false, cause, message: `no reading: ${cause}` };
  return { series, outcome };
}
