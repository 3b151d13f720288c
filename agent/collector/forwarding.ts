import { rmSync } from 'node:fs';
import type { Config, SinkConfig } from '../config/schema.ts';
import { statusPath } from '../forwarding/forward-status.ts';
import { lanesOf } from '../forwarding/lanes.ts';
import { HISTORY_CONSUMER } from '../journal/cursors.ts';
import type { Journal } from '../journal/journal.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';

/** The first reading comes first: starting the forwarding thread takes a core for a moment. */
const FORWARDING_DELAY_MS = 1500;
/** While its files are being replaced by an upgrade. */
const FORWARDING_RETRY_MS = 10_000;

/** The forwarding thread as the collector runs it: some time after its start, and anew where the servers are others. */
export class Forwarding {
  readonly #stateDir: string;
  readonly #journal: Journal;
  readonly #log: Logger;
  #sinks: readonly SinkConfig[] = [];
  #timer: NodeJS.Timeout | undefined;
  #end: (() => Promise<void>) | undefined;
  /** A run of the thread that was begun for other servers, or for none, is not wanted any more. */
  #run = 0;

  constructor({ stateDir, influxdb }: Config, journal: Journal, log: Logger) {
    this.#stateDir = stateDir;
    this.#journal = journal;
    this.#log = log;
    this.#adopt(influxdb);
  }

  /** Sends to these servers from now on; positions of those that stay are kept. */
  async replace(sinks: readonly SinkConfig[]): Promise<void> {
    await this.end();
    this.#adopt(sinks);
  }

  async end(): Promise<void> {
    this.#run++;
    clearTimeout(this.#timer);
    const end = this.#end;
    this.#end = undefined;
    await end?.();
  }

  #adopt(sinks: readonly SinkConfig[]): void {
    this.#sinks = sinks;
    try {
      const lanes = sinks.flatMap(lanesOf).map(({ consumer }) => consumer);
      this.#journal.cursors.keepOnly([...lanes, HISTORY_CONSUMER]);
    } catch (error) {
      // A full disk: the next start looks again.
      this.#log.warn({ reason: messageOf(error) }, 'servers that left the configuration cannot be forgotten now');
    }
    const run = this.#run;
    if (sinks.length === 0) this.#forgetStatus();
    else this.#timer = setTimeout(() => void this.#begin(run), FORWARDING_DELAY_MS);
  }

  /** Nobody would write over what the last server was said to have, and it would fall behind for ever. */
  #forgetStatus(): void {
    try {
      rmSync(statusPath(this.#journal.runtime.path), { force: true });
    } catch (error) {
      this.#log.debug({ reason: messageOf(error) }, 'what the forwarding last said cannot be removed');
    }
  }

  async #begin(run: number): Promise<void> {
    try {
      const { startForwarding } = await import('../forwarding/thread.ts');
      if (run !== this.#run) return;
      const { path } = this.#journal.runtime;
      const options = { stateDir: this.#stateDir, runtimeDirectory: path, sinks: [...this.#sinks] };
      this.#end = startForwarding(options, this.#log);
    } catch (error) {
      this.#log.error({ reason: messageOf(error) }, 'forwarding cannot be started');
      if (run === this.#run) this.#timer = setTimeout(() => void this.#begin(run), FORWARDING_RETRY_MS);
    }
  }
}
