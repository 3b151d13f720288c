import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { createLogger } from '../system/logging.ts';
import { type ForwardingOptions, runForwarding } from './run.ts';

/** Below the thread that reads the meters, for the cores that both want while catching up. */
const NICER = 10;

/** Linux counts nice by thread (sched(7)), and tells a thread its own id. */
function yieldToOthers(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(19, getPriority(thread) + NICER));
  } catch {
    // It works without as well.
  }
}

/** The thread's own side: ends when the collector says so. */
yieldToOthers();
const stop = new AbortController();
parentPort?.once('message', () => stop.abort());
await runForwarding(workerData as ForwardingOptions, createLogger(), stop.signal);
parentPort?.close();
