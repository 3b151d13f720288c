import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError } from '../../system/errors.ts';
import { collectBuffers } from '../../system/garbage.ts';
import type { Logger } from '../../system/logging.ts';
import { type InfluxAddress, InfluxClient } from '../client.ts';
import { VictoriaMetricsApi } from './api.ts';
import { uncached } from './selector.ts';
import { canonicalLabels, seconds } from './tallies.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** What was taken can be seen after a second at the latest. */
const VISIBLE_MS = 3000;
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

export interface ImportTargetOptions {
  address: InfluxAddress;
  /** For each answer; no request has more than a megabyte. */
  timeoutMs: number;
  /** So long after its first failure a request is tried again where that can help, as while the server starts. */
  patienceMs: number;
  signal?: AbortSignal | undefined;
  log: Logger;
}

/** A VictoriaMetrics that samples come back into. It may be busy, starting or out of reach for a while. */
export class ImportTarget {
  readonly api: VictoriaMetricsApi;
  readonly url: string;
  readonly #options: ImportTargetOptions;
  readonly #gzip: boolean;

  constructor(options: ImportTargetOptions) {
    this.#options = options;
    this.url = options.address.url;
    this.api = new VictoriaMetricsApi(new InfluxClient(options.address), options.timeoutMs);
    // Compressing costs more than the loopback does; the network of a Pi costs more than compressing.
    this.#gzip = !LOOPBACK.test(new URL(options.address.url).hostname);
  }

  /**
   * Sends lines, once. 204 tells that they were read, not that they are kept.
   * @throws AgentError, retryable: then some of them can be there
   */
  import(text: string): Promise<void> {
    // The text, and what goes into the socket.
    collectBuffers(2 * text.length);
    return this.api.send('/api/v1/import', text, { gzip: this.#gzip, signal: this.#options.signal });
  }

  /** Lets what was taken until now be seen. */
  async flush(): Promise<void> {
    try {
      await this.patiently(() => this.api.text('/internal/force_flush', {}));
    } catch (error) {
      if (!(error instanceof AgentError) || error.retryable) throw error;
      // With -forceFlushAuthKey it is not for us.
      await this.pause(VISIBLE_MS);
    }
  }

  /** The times of all samples of each series, by its labels. @param toMs the last moment */
  async times(selector: string, fromMs: number, toMs: number): Promise<Map<string, number[]>> {
    const query = { 'match[]': uncached(selector), start: seconds(fromMs), end: seconds(toMs) };
    const text = await this.patiently(() => this.api.text('/api/v1/export', query));
    const found = new Map<string, number[]>();
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const { metric, timestamps } = this.#parsed(line);
      const key = canonicalLabels(metric);
      const before = found.get(key);
      found.set(key, before ? [...before, ...timestamps] : timestamps);
    }
    return found;
  }

  /** Does something again while that can help. @throws AgentError after the last attempt; the signal's reason */
  async patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { patienceMs, signal, log } = this.#options;
    let lastMs: number | undefined;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        lastMs ??= performance.now() + patienceMs;
        const passes = error instanceof AgentError && error.retryable;
        if (!passes || performance.now() + pauseMs > lastMs) throw error;
        log.debug({ reason: error.message, pauseMs }, 'asking the server again');
        await this.pause(pauseMs);
      }
    }
  }

  async pause(ms: number): Promise<void> {
    const { signal } = this.#options;
    await sleep(ms, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
  }

  #parsed(line: string): { metric: Record<string, string>; timestamps: number[] } {
    try {
      return JSON.parse(line) as { metric: Record<string, string>; timestamps: number[] };
    } catch {
      throw new AgentError('unavailable', `the export of ${this.url} broke off amid a line`, {
        retryable: true,
        hint: 'the server may have been restarted; see its log, and run it again',
      });
    }
  }
}
