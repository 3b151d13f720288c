import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Outcome } from '../collector/meter-loop.ts';
import { type Series, seriesKey } from '../readings/reading.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { type Address, Doorman } from './doorman.ts';
import type { MeterOutcome } from './live-feed.ts';
import { type FromPage, type PageOptions, passagePath } from './options.ts';

const RETRY_MS = 10_000;
const LONGEST_STOP_MS = 3000;
/** A person who has gone may come back; one who looks has a stream open. */
const IDLE_MS = 300_000;
/** A thread says each second how far it is; one that says nothing for so long stands still. */
const LONGEST_SILENCE_MS = 60_000;
/** A year of one meter's quarters is some 10 MB while it is made into an answer. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

export interface PageThreadOptions extends Omit<PageOptions, 'name' | 'logLevel' | 'idleMs'> {
  /** Where the port is taken, the next that is free: for a person who tries it. */
  nextPort: boolean;
  log: Logger;
  /** @param url where a person finds it */
  onListening?: ((url: string) => void) | undefined;
  /** Newest outcomes, which a thread that begins has to know; kept here. */
  latest?: Map<string, MeterOutcome>;
  idleMs?: number;
  retryMs?: number;
  newWorker?: (options: PageOptions) => Worker;
}

/**
 * Serves the page in a thread of its own, so that nothing anybody asks of it takes time from the second grid, and only while somebody
 * asks. A thread that dies, or stands still, is replaced with the next request: nothing it does can end the collector.
 */
export class PageThread {
  readonly #options: PageThreadOptions;
  /** Containers that share a network number their processes alike, and nobody is to take the name first. */
  readonly #name = randomUUID();
  readonly #doorman = new Doorman(() => this.#begin());
  readonly #latest: Map<string, MeterOutcome>;
  /** As it listens, once it does. */
  #address: Address | undefined;
  #worker: Worker | undefined;
  #isListening = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #told = 0;
  #taken = 0;
  #takenMs = 0;
  #said: string | undefined;

  constructor(options: PageThreadOptions) {
    this.#options = options;
    this.#latest = options.latest ?? new Map();
  }

  /** Listens; where it cannot, says so once and tries again. */
  async start(): Promise<void> {
    const { address, nextPort, web, log, onListening, retryMs = RETRY_MS } = this.#options;
    try {
      if (this.#address) await this.#doorman.reopen(this.#address);
      else {
        const { port } = await this.#doorman.open(address, nextPort);
        this.#address = { ...address, port };
        const url = urlOf(this.#address, web.tls !== undefined);
        log.info({ url }, 'the page is served');
        onListening?.(url);
      }
      this.#said = undefined;
      if (this.#stopped) this.#doorman.close();
    } catch (error) {
      const reason = messageOf(error);
      const hint = error instanceof AgentError ? error.hint : undefined;
      if (reason !== this.#said) log.warn({ hint }, `the page cannot be served: ${reason}`);
      this.#said = reason;
      if (!this.#stopped) this.#timer = setTimeout(() => void this.start(), retryMs);
    }
  }

  /** Never waits, and never fails. */
  tell(series: Series, outcome: Outcome): void {
    this.#latest.set(seriesKey(series), { series, outcome });
    if (!this.#worker) return;
    if (this.#told > this.#taken && performance.now() - this.#takenMs > LONGEST_SILENCE_MS) {
      this.#options.log.error('the thread of the page stands still, and is ended');
      void this.#worker.terminate();
      return;
    }
    this.#told++;
    this.#worker.postMessage({ series, outcome });
  }

  async end(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#doorman.close();
    await this.#stop();
  }

  #begin(): void {
    if (this.#worker || this.#stopped || !this.#address) return;
    const { stateDir, runtimeDirectory, timeZone, meters, web, configured } = this.#options;
    const { idleMs = IDLE_MS, log, newWorker = createWorker } = this.#options;
    const shared = { stateDir, runtimeDirectory, timeZone, meters, web, configured, idleMs };
    const failed = (error: unknown) => log.error({ reason: messageOf(error) }, 'the thread of the page failed');
    try {
      const worker = newWorker({ ...shared, address: this.#address, name: this.#name, logLevel: log.level });
      worker.on('error', failed).on('message', (message: FromPage) => this.#hear(message));
      worker.once('exit', () => void this.#ended());
      this.#worker = worker;
      this.#isListening = false;
      this.#told = this.#taken = 0;
      this.#takenMs = performance.now();
      for (const one of this.#latest.values()) worker.postMessage(one);
    } catch (error) {
      // No memory, or no more threads allowed: the next request tries again.
      failed(error);
    }
  }

  #hear(message: FromPage): void {
    if (message.kind === 'listening') {
      this.#isListening = true;
      this.#doorman.handOver(passagePath(this.#name));
    } else if (message.kind === 'idle') void this.#rest();
    else {
      this.#taken = message.count;
      this.#takenMs = performance.now();
    }
  }

  /** Nobody looks: the doorman alone is enough. */
  async #rest(): Promise<void> {
    await this.start();
    await this.#stop('leave');
  }

  async #ended(): Promise<void> {
    this.#worker = undefined;
    // One that could not even begin would not the next time.
    if (!this.#isListening) this.#doorman.dismiss();
    if (this.#stopped) return;
    await this.start();
    if (this.#doorman.isAwaited) this.#begin();
  }

  /** @param how `leave`: who is just being served is still served */
  async #stop(how: 'stop' | 'leave' = 'stop'): Promise<void> {
    const running = this.#worker;
    if (!running) return;
    const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
    running.postMessage(how);
    const forced = setTimeout(() => void running.terminate(), LONGEST_STOP_MS);
    await ended;
    clearTimeout(forced);
  }
}

function createWorker(options: PageOptions): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { workerData: options, resourceLimits: LIMITS });
}

/** A listener on all addresses is shown by the one that always works here. */
function urlOf({ host, port }: Address, isSecure: boolean): string {
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http${isSecure ? 's' : ''}://${shown}:${port}/`;
}
