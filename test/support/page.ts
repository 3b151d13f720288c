import { web } from '../../agent/config/web-schema.ts';
import { LiveFeed } from '../../agent/web/live-feed.ts';
import type { PageMeter, WebConfig } from '../../agent/web/options.ts';
import { Page } from '../../agent/web/page-server.ts';
import { afterTest } from './side-by-side.ts';
import { silentLog } from './silent-log.ts';

export interface PageChoice {
  stateDir: string;
  /** By default the state directory. */
  runtimeDirectory?: string;
  timeZone?: string;
  meters?: readonly PageMeter[];
  web?: Partial<WebConfig>;
}

export interface Got {
  status: number;
  headers: Headers;
  text: string;
  /** Of a body that is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect, and each answer is checked against its schema
  json: any;
}

export interface RunningPage {
  /** `http://127.0.0.1:PORT/` */
  url: string;
  feed: LiveFeed;
  get(path: string, headers?: Record<string, string>): Promise<Got>;
  stop(): Promise<void>;
}

export const HOUSE_METER: PageMeter = { name: 'house', model: 'we-515', intervalMs: 1000 };

/** The page of a state directory, in this process, on a free port; it goes when the test ends. */
export async function startPage({ web: more, ...choice }: PageChoice): Promise<RunningPage> {
  const feed = new LiveFeed();
  let url = '';
  const page = new Page({
    runtimeDirectory: choice.stateDir,
    timeZone: 'Europe/Rome',
    meters: [HOUSE_METER],
    logLevel: 'silent',
    nextPort: false,
    ...choice,
    web: { ...web.parse({}), listen: { host: '127.0.0.1', port: 0 }, ...more },
    feed,
    log: silentLog,
    onListening: (found) => {
      url = found;
    },
  });
  await page.start();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= page.stop();
    return stopped;
  };
  afterTest(stop);
  const get = async (path: string, headers: Record<string, string> = {}): Promise<Got> => {
    const response = await fetch(new URL(path, url), { headers });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  };
  return { url, feed, get, stop };
}
