import type { Configured } from '../../agent/report/configured.ts';
import { LiveFeed } from '../../agent/web/live-feed.ts';
import type { PageMeter, WebConfig } from '../../agent/web/options.ts';
import { Page } from '../../agent/web/page-server.ts';
import { freePort } from './free-port.ts';
import { afterTest } from './side-by-side.ts';
import { silentLog } from './silent-log.ts';

export interface StartedPage {
  /** Without a slash at its end. */
  url: string;
  feed: LiveFeed;
  get(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

export interface PageOfTest {
  stateDir: string;
  meters?: readonly PageMeter[];
  timeZone?: string;
  runtimeDirectory?: string;
  web?: Partial<WebConfig>;
  configured?: Configured;
  port?: number;
}

export const HOUSE: PageMeter = { name: 'house', model: 'we-515', intervalMs: 1000 };

let pages = 0;

/** The page's server in this process, on a free port of 127.0.0.1; ends with the test. */
export async function startPage(options: PageOfTest): Promise<StartedPage> {
  const { stateDir, meters = [HOUSE], timeZone, runtimeDirectory = stateDir, web, port, configured } = options;
  const address = { host: '127.0.0.1', port: port ?? (await freePort()) };
  const feed = new LiveFeed();
  const page = new Page({
    address,
    name: `test-${process.pid}-${++pages}`,
    stateDir,
    runtimeDirectory,
    timeZone,
    meters,
    web: { hosts: [], hideAfter: 30 * 86_400_000, ...web },
    configured,
    idleMs: 300_000,
    logLevel: 'silent',
    feed,
    log: silentLog,
  });
  await page.start();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= page.stop();
    return stopped;
  };
  afterTest(stop);
  const url = `http${web?.tls ? 's' : ''}://127.0.0.1:${address.port}`;
  return { url, feed, get: (path, init) => fetch(`${url}${path}`, init), stop };
}
