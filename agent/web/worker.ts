import { parentPort, workerData } from 'node:worker_threads';
import { createLogger } from '../system/logging.ts';
import { yieldToOthers } from '../system/priority.ts';
import type { MeterOutcome } from './live-feed.ts';
import { LiveFeed } from './live-feed.ts';
import type { FromPage, PageOptions } from './options.ts';
import { Page } from './page-server.ts';

const TAKEN_EVERY_MS = 1000;

/** The thread's own side: serves until the collector says stop. */
yieldToOthers();
const options = workerData as PageOptions;
const say = (message: FromPage) => parentPort?.postMessage(message);
const feed = new LiveFeed();
const page = new Page({
  ...options,
  feed,
  log: createLogger({ level: options.logLevel }),
  onListening: (url) => say({ kind: 'listening', url }),
});
let count = 0;
const tellTaken = setInterval(() => say({ kind: 'taken', count }), TAKEN_EVERY_MS);
parentPort?.on('message', (message: MeterOutcome | 'stop') => {
  if (message !== 'stop') {
    count++;
    feed.tell(message);
    return;
  }
  clearInterval(tellTaken);
  parentPort?.close();
  void page.stop();
});
await page.start();
