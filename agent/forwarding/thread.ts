import { type ResourceLimits, Worker } from 'node:worker_threads';
import type { SinkConfig } from '../config/schema.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { ForwardingOptions } from './run.ts';

const RESTART_MS = 10_000;
/** A request under way is given up; the thread then only saves its positions. */
const LONGEST_STOP_MS = 5000;
/** Small heaps: a backlog of years needs no more than one batch a sink, 4 kB a reading while it is made into lines. */
const resourceLimits = (sinks: readonly SinkConfig[]): ResourceLimits => ({
  maxOldGenerationSizeMb: 20 + Math.ceil(sinks.reduce((sum, { batchSize }) => sum + batchSize, 0) / 250),
  maxYoungGenerationSizeMb: 2,
});

/**
 * Forwards in a thread of its own, so that catching up with days takes no time from the second grid. A thread that dies is
 * started again: nothing it does can end the collector.
 * @returns what ends it
 */
export function startForwarding(
  options: ForwardingOptions,
  log: Logger,
  { restartMs = RESTART_MS, newWorker = createWorker } = {},
): () => Promise<void> {
  let worker: Worker | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  const failed = (error: unknown) => log.error({ reason: messageOf(error) }, 'the forwarding thread failed');
  const startLater = () => {
    worker = undefined;
    if (!stopping) timer = setTimeout(start, restartMs);
  };
  const start = () => {
    try {
      worker = newWorker(options).on('error', failed).on('exit', startLater);
    } catch (error) {
      // No memory, or no more threads allowed.
      failed(error);
      startLater();
    }
  };
  start();
  return async () => {
    stopping = true;
    clearTimeout(timer);
    const running = worker;
    if (!running) return;
    const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
    running.postMessage('stop');
    const forced = setTimeout(() => void running.terminate(), LONGEST_STOP_MS);
    await ended;
    clearTimeout(forced);
  };
}

function createWorker(options: ForwardingOptions): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: options,
    resourceLimits: resourceLimits(options.sinks),
  });
}
