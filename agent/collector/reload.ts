import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/schema.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { Announcer } from './announcer.ts';
import { restartKeys } from './changes.ts';
import type { Collector } from './collector.ts';
import type { Forwarding } from './forwarding.ts';

/** What became of a request to read the configuration again. */
export interface ReloadOutcome {
  timeMs: number;
  /** Set when nothing was changed, and why. */
  problem?: string;
  added?: string[];
  changed?: string[];
  removed?: string[];
  /** The servers of `influxdb` are others now. */
  sinks?: boolean;
  /** Keys that take effect with the next start alone. */
  restart?: string[];
}

export interface ReloaderOptions {
  config: Config;
  /** @throws AgentError with all mistakes */
  load: () => Config;
  collector: Collector;
  forwarding: Forwarding;
  /** Tells others that the configuration is being read. */
  announcer?: Pick<Announcer, 'reloading' | 'reloaded'> | undefined;
  /** Who else goes by the configuration, and takes it over by himself. */
  adopt?: (wanted: Config) => Promise<void>;
  log: Logger;
}

/** Reads the configuration again while the collector runs: all of it is applied, or nothing. */
export class Reloader {
  readonly #options: ReloaderOptions;
  /** What is in effect. */
  #config: Config;
  #running: Promise<void> | undefined;
  #wanted = false;
  #stopped = false;
  last: ReloadOutcome | undefined;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  /** One at a time; requests that come meanwhile are one more. Resolves when all are done. */
  request(): Promise<void> {
    this.#wanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** The one under way is finished; further ones are not begun. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      this.#options.announcer?.reloading();
      this.last = await this.#reload();
      this.#options.announcer?.reloaded(this.last);
    }
  }

  async #reload(): Promise<ReloadOutcome> {
    const { load, collector, forwarding, adopt, log } = this.#options;
    const timeMs = Date.now();
    try {
      const wanted = load();
      const restart = restartKeys(this.#config, wanted);
      const meters = await collector.apply(wanted.meters);
      const sinks = !isDeepStrictEqual(this.#config.influxdb, wanted.influxdb);
      // What is read at the start alone stays in effect, and is said again with the next reload.
      this.#config = { ...this.#config, meters: wanted.meters, influxdb: wanted.influxdb, web: wanted.web };
      if (sinks) await forwarding.replace(wanted.influxdb);
      await adopt?.(this.#config);
      const namesOf = (list: readonly { name: string }[]) => list.map(({ name }) => name);
      const done = { added: namesOf(meters.added), changed: namesOf(meters.changed), removed: meters.removed, sinks };
      log.info(done, 'the configuration was read again');
      if (restart.length > 0) log.warn({ keys: restart }, 'these keys take effect with the next start');
      return { timeMs, ...done, restart };
    } catch (error) {
      const problem = messageOf(error);
      // A defect of ours is logged with its stack.
      const details = error instanceof AgentError ? { hint: error.hint } : { err: error };
      log.error(details, `the configuration stays as it was: ${problem}`);
      return { timeMs, problem };
    }
  }
}
