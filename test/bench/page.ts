import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright-core';
import { Assets } from '../../agent/web/http/assets.ts';
import { CHROMIUM, CHROMIUM_FLAGS } from '../support/chromium.ts';
import { freePort } from '../support/free-port.ts';
import { fillStateDir } from './history.ts';
import { startOffsets } from './offsets.ts';
import { cpuSeconds, rssMB } from './proc.ts';
import { type Figures, quantile, type Row } from './table.ts';
import { Workplace } from './workplace.ts';

const STREAMS = 20;
const WINDOW_S = 60;
const REQUESTS_A_SECOND = 200;
const RUNS = 9;
const LOADS = 5;
const MOST_BYTES = 80_000;

interface Collecting {
  stateDir: string;
  url: string;
  pid: number | undefined;
}

/** A collector that reads a virtual meter at the pace of its wire, with a year behind it and its page. */
async function collecting(workplace: Workplace, name: string): Promise<Collecting> {
  const stateDir = join(workplace.directory, name);
  mkdirSync(stateDir);
  fillStateDir(stateDir);
  const meter = join(workplace.directory, `${name}.meter`);
  const config = join(workplace.directory, `${name}.yaml`);
  const port = await freePort();
  const text = [
    `stateDir: ${stateDir}`,
    'timeZone: UTC',
    `meters: [{name: house, model: we-515, connection: {serial: ${meter}}}]`,
    `web: {listen: "127.0.0.1:${port}"}`,
  ];
  writeFileSync(config, `${text.join('\n')}\n`);
  workplace.agent(['simulate', '--link', meter]);
  await sleep(1000);
  const { pid } = workplace.agent(['collect', '--config', config]);
  // By then the first pass of the history is done.
  await sleep(45_000);
  return { stateDir, url: `http://127.0.0.1:${port}`, pid };
}

/** All files of the page, as a browser gets them. */
function size(): Row {
  const assets = new Assets();
  const bytes = assets.paths().reduce((sum, path) => sum + (assets.find(path, 'br')?.body.length ?? 0), 0);
  return {
    figure: `the page, all ${assets.paths().length} files, compressed`,
    asked: '<= 80 kB',
    measured: `${(bytes / 1000).toFixed(1)} kB`,
    met: bytes <= MOST_BYTES,
  };
}

/** From asking for the page to its first live value on the screen, with nothing in the browser's cache. */
async function firstValue(browser: Browser, { url }: Collecting): Promise<Row> {
  const times: number[] = [];
  for (let n = 0; n < LOADS; n++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    const startMs = performance.now();
    await page.goto(url, { waitUntil: 'commit' });
    await page.waitForFunction(
      () => /\d/.test(document.querySelector('[data-live="power"]')?.textContent ?? ''),
      null,
      {
        polling: 'raf',
      },
    );
    times.push(performance.now() - startMs);
    await context.close();
  }
  const highest = Math.max(...times);
  return {
    figure: `from asking for the page to a live value on the screen, ${LOADS} times in headless Chromium`,
    asked: '<= 1 s',
    measured: `first, with the thread to be started, ${times[0]?.toFixed(0)} ms; median ${quantile(times, 0.5).toFixed(0)} ms, highest ${highest.toFixed(0)} ms`,
    met: highest <= 1000,
  };
}

async function cpuPercent(pid: number | undefined): Promise<number> {
  const before = cpuSeconds(pid);
  await sleep(WINDOW_S * 1000);
  return ((cpuSeconds(pid) - before) / WINDOW_S) * 100;
}

async function streams({ url, pid }: Collecting): Promise<Row[]> {
  const [alone, aloneMB] = [await cpuPercent(pid), rssMB(pid)];
  const stop = new AbortController();
  for (let n = 0; n < STREAMS; n++) {
    const { body } = await fetch(`${url}/api/v1/stream`, { signal: stop.signal });
    void body?.pipeTo(new WritableStream()).catch(() => {});
  }
  await sleep(2000);
  const [watched, watchedMB] = [await cpuPercent(pid), rssMB(pid)];
  stop.abort();
  return [
    {
      figure: `${STREAMS} open streams, CPU of one core`,
      asked: 'add <= 1 %',
      measured: `${alone.toFixed(2)} % without anybody, ${watched.toFixed(2)} % with them`,
      met: watched - alone <= 1,
    },
    {
      figure: 'RSS of the collector without anybody, and with them',
      asked: 'shown beside',
      measured: `${aloneMB.toFixed(1)} and ${watchedMB.toFixed(1)} MB`,
      met: true,
    },
  ];
}

async function years({ url }: Collecting): Promise<Row[]> {
  const toMs = Date.now();
  const range = `meter=house&from=${toMs - 364 * 86_400_000}&to=${toMs}`;
  const asked: [what: string, path: string][] = [
    ['energy by month', `/api/v1/energy?${range}&by=month`],
    ['energy by day', `/api/v1/energy?${range}&by=day`],
    ['power at 1000 points', `/api/v1/series?${range}&quantity=active_power&points=1000`],
    ['base load and peak by month', `/api/v1/load?${range}&by=month`],
  ];
  const rows: Row[] = [];
  for (const [what, path] of asked) {
    const times: number[] = [];
    for (let n = 0; n < RUNS; n++) {
      const startMs = performance.now();
      const response = await fetch(`${url}${path}`);
      const text = await response.text();
      times.push(performance.now() - startMs);
      if (!response.ok) throw new Error(`${path}: ${text}`);
    }
    const median = quantile(times, 0.5);
    rows.push({
      figure: `a year: ${what}`,
      asked: '<= 100 ms',
      measured: `median ${median.toFixed(0)} ms, first ${times[0]?.toFixed(0)} ms, highest ${Math.max(...times).toFixed(0)} ms`,
      met: median <= 100,
    });
  }
  return rows;
}

/** What several pages and programs ask for. */
function mixed(): string[] {
  const nowMs = Date.now();
  const hour = `meter=house&from=${nowMs - 3_600_000}&to=${nowMs}`;
  return [
    '/api/v1/latest',
    '/metrics',
    `/api/v1/series?${hour}&quantity=active_power&points=600`,
    '/api/v1/meters',
    `/api/v1/gaps?${hour}`,
    '/',
    `/api/v1/energy?meter=house&by=hour&from=${nowMs - 86_400_000}&to=${nowMs}`,
    '/measurements/latest',
  ];
}

async function jitter({ url, stateDir }: Collecting): Promise<Row> {
  const paths = mixed();
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const fromMs = Date.now();
  const waits: number[] = [];
  let failed = 0;
  const ask = (path: string) =>
    new Promise<void>((resolve) => {
      const startMs = performance.now();
      get(`${url}${path}`, { agent }, (response) => {
        if (response.statusCode !== 200) failed++;
        response.resume().once('close', () => {
          waits.push(performance.now() - startMs);
          resolve();
        });
      }).once('error', () => {
        failed++;
        resolve();
      });
    });
  const open: Promise<void>[] = [];
  const total = REQUESTS_A_SECOND * WINDOW_S;
  for (let n = 0; n < total; n++) {
    const dueMs = fromMs + (n * 1000) / REQUESTS_A_SECOND;
    if (dueMs > Date.now()) await sleep(dueMs - Date.now());
    open.push(ask(paths[n % paths.length] ?? '/'));
  }
  await Promise.all(open);
  const toMs = Date.now();
  agent.destroy();
  await sleep(2000);
  const offsets = startOffsets(stateDir, fromMs, toMs);
  const p99 = quantile(offsets, 0.99);
  const missed = Math.max(0, Math.floor((toMs - fromMs) / 1000) - offsets.length);
  const rate = waits.length / ((toMs - fromMs) / 1000);
  return {
    figure: `start jitter while ${paths.length} kinds of requests come, ${rate.toFixed(0)} a second for ${((toMs - fromMs) / 1000).toFixed(0)} s`,
    asked: `p99 <= 5 ms at ${REQUESTS_A_SECOND} a second`,
    measured: `p99 ${p99.toFixed(1)} ms, highest ${Math.max(...offsets).toFixed(1)} ms; ${missed} seconds missed; answers: median ${quantile(waits, 0.5).toFixed(0)} ms, p99 ${quantile(waits, 0.99).toFixed(0)} ms, ${failed} failed`,
    met: p99 <= 5 && failed === 0 && missed <= 1 && rate >= 0.95 * REQUESTS_A_SECOND,
  };
}

/** The page beside a collector that reads a meter each second. */
export async function page(): Promise<Figures> {
  using workplace = new Workplace();
  const collector = await collecting(workplace, 'state');
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...CHROMIUM_FLAGS] });
  try {
    const first = await firstValue(browser, collector);
    await browser.close();
    // The thread is there by now; without anybody means without it.
    const idle = await collecting(workplace, 'idle');
    return {
      title: 'Figures of the page',
      rows: [size(), first, ...(await streams(idle)), ...(await years(collector)), await jitter(collector)],
      remarks: [
        'A collector that reads a virtual WE-515 each second, with a history of a year. Client and server share the processors.',
      ],
      complete: true,
    };
  } finally {
    await browser.close();
  }
}
