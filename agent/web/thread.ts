import { Worker } from 'node:worker_threads';
import type { Outcome } from '../collector/meter-loop.ts';
import type { Series } from '../readings/reading.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { FromPage, PageOptions } from './options.ts';

const RESTART_MS = 10_000;
const LONGEST_STOP_MS = 3000;
/** A thread that takes nothing for so many outcomes, and so long, stands still. */
const MOST_UNTAKEN = 120;
const LONGEST_SILENCE_MS = 60_000;
/** A year of one meter's quarters is some 10 MB while it is made into an answer. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

/** What serves the page, as the collector sees it. */
export interface PageThread {
  /** Never waits, and never fails. */
  tell(series: Series, outcome: Outcome): void;
  end(): Promise<void>;
}

/**
 * Serves the page in a thread of its own, so that nothing anybody asks of it takes time from the second grid. A thread that dies, or
 * stands still, is started again: nothing it does can end the collector.
 */
export function startPage(
  options: PageOptions,
  log: Logger,
  { onListening = (_url: string) => {}, restartMs = RESTART_MS, newWorker = createWorker } = {},
): PageThread {
  let worker: Worker | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let told = 0;
  let taken = 0;
  let takenMs = performance.now();
  const failed = (error: unknown) => log.error({ reason: messageOf(error) }, 'the thread of the page failed');
  const startLater = () => {
    worker = undefined;
    if (!stopping) timer = setTimeout(start, restartMs);
  };
  const heard = (message: FromPage) => {
    if (message.kind === 'listening') return onListening(message.url);
    taken = message.count;
    takenMs = performance.now();
  };
  const start = () => {
    told = taken = 0;
    takenMs = performance.now();
    try {
      worker = newWorker(options).on('error', failed).on('exit', startLater).on('message', heard);
    } catch (error) {
      // No memory, or no more threads allowed.
      failed(error);
      startLater();
    }
  };
  start();
  return {
    tell(series, outcome) {
      if (!worker) return;
      if (told - taken >= MOST_UNTAKEN && performance.now() - takenMs > LONGEST_SILENCE_MS) {
        log.error({ waiting: told - taken }, 'the thread of the page stands still and is started again');
        void worker.terminate();
        worker = undefined;
        return;
      }
      told++;
      worker.postMessage({ series, outcome });
    },
    async end() {
      stopping = true;
      clearTimeout(timer);
      const running = worker;
      if (!running) return;
      const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      running.postMessage('stop');
      const forced = setTimeout(() => void running.terminate(), LONGEST_STOP_MS);
      await ended;
      clearTimeout(forced);
    },
  };
}

function createWorker(options: PageOptions): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { workerData: options, resourceLimits: LIMITS });
}
