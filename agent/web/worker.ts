import { parentPort, workerData } from 'node:worker_threads';
import { AgentError, messageOf } from '../system/errors.ts';
import { createLogger } from '../system/logging.ts';
import { yieldToOthers } from '../system/priority.ts';
import { LiveFeed, type MeterOutcome } from './live-feed.ts';
import type { FromPage, PageOptions } from './options.ts';
import { Page } from './page-server.ts';

const TAKEN_EVERY_MS = 1000;
const LOOKED_EVERY_MS = 15_000;

/** The thread's own side: serves until the collector says stop. */
yieldToOthers();
const options = workerData as PageOptions;
const log = createLogger({ level: options.logLevel });
const say = (message: FromPage) => parentPort?.postMessage(message);
const feed = new LiveFeed();
let page: Page | undefined;
let count = 0;
let usedMs = performance.now();

const tellTaken = setInterval(() => say({ kind: 'taken', count }), TAKEN_EVERY_MS);
const look = setInterval(
  async () => {
    if ((await page?.connections()) !== 0) usedMs = performance.now();
    else if (performance.now() - usedMs >= options.idleMs) say({ kind: 'idle' });
  },
  Math.min(LOOKED_EVERY_MS, options.idleMs),
);

async function stop(how: 'stop' | 'leave'): Promise<void> {
  clearInterval(tellTaken);
  clearInterval(look);
  parentPort?.close();
  await (how === 'leave' ? page?.leave() : page?.stop());
}

parentPort?.on('message', (message: MeterOutcome | 'stop' | 'leave') => {
  if (typeof message === 'string') return void stop(message);
  count++;
  feed.tell(message);
});
try {
  page = new Page({ ...options, feed, log });
  await page.start();
  say({ kind: 'listening' });
} catch (error) {
  const hint = error instanceof AgentError ? error.hint : undefined;
  log.error({ hint }, `the page cannot be served: ${messageOf(error)}`);
  await stop('stop');
}
