import { parentPort, workerData } from 'node:worker_threads';
import { createLogger } from '../system/logging.ts';
import { yieldToOthers } from '../system/priority.ts';
import { type ForwardingOptions, runForwarding } from './run.ts';

/** The thread's own side: ends when the collector says so. */
yieldToOthers();
const stop = new AbortController();
parentPort?.once('message', () => stop.abort());
await runForwarding(workerData as ForwardingOptions, createLogger(), stop.signal);
parentPort?.close();
