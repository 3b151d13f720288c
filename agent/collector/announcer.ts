import type { Logger } from '../system/logging.ts';
import type { ServiceManager } from '../system/service-manager.ts';
import type { ReloadOutcome } from './reload.ts';

/** How long ago a meter's loop had an outcome, reading or gap, and how long it may take at most; monotonic ms. */
export interface Progress {
  meter: string;
  sinceMs: number;
  allowedMs: number;
}

export interface AnnouncerOptions {
  manager: ServiceManager;
  progress: () => readonly Progress[];
  /** For `systemctl status`. */
  sentence: () => string;
  log: Logger;
}

/** Whoever looks right after a start sees readings: the first ones are there by then. */
const FIRST_MS = 2500;
/** Without a watchdog only the sentence is told, so often. */
const SENTENCE_MS = 20_000;
/** Times that the watchdog is fed within its time: two may be late. */
const FED_WITHIN = 3;

/**
 * Tells systemd how the collector is (sd_notify(3)). The watchdog is fed as long as each meter's loop goes on: a process
 * whose loops stand still is as good as none, and is started anew. A meter that does not answer is no reason: its loop
 * notes gaps.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #told = new Set<string>();
  #first: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** The configuration is valid, and the loops run; whether a meter answers is another matter. */
  ready(): void {
    const { manager, sentence } = this.#options;
    manager.tell({ READY: '1', STATUS: sentence() });
    this.#first = setTimeout(() => this.#feed(), FIRST_MS);
    const everyMs = manager.watchdogMs === undefined ? SENTENCE_MS : manager.watchdogMs / FED_WITHIN;
    this.#timer = setInterval(() => this.#feed(), everyMs);
  }

  reloading(): void {
    this.#options.manager.tell({ RELOADING: '1', STATUS: 'reads the configuration again' });
  }

  /** Also after one with mistakes: what was in force goes on. */
  reloaded({ problem }: ReloadOutcome): void {
    const { manager, sentence } = this.#options;
    manager.tell({ READY: '1', STATUS: problem === undefined ? sentence() : `the configuration stays: ${problem}` });
  }

  /** Resolves when it is told. */
  stopping(): Promise<void> {
    clearTimeout(this.#first);
    clearInterval(this.#timer);
    this.#options.manager.tell({ STOPPING: '1', STATUS: 'stops: writes what it has' });
    return this.#options.manager.told();
  }

  #feed(): void {
    const { manager, progress, sentence, log } = this.#options;
    const stuck = progress().filter(({ sinceMs, allowedMs }) => sinceMs > allowedMs);
    for (const { meter, sinceMs } of stuck) {
      if (this.#told.has(meter)) continue;
      this.#told.add(meter);
      const seconds = Math.round(sinceMs / 1000);
      log.error({ meter }, `the loop of ${meter} has stood still for ${seconds} s: the watchdog is not fed any more`);
    }
    const STATUS = sentence();
    manager.tell(stuck.length === 0 ? { WATCHDOG: '1', STATUS } : { STATUS });
  }
}
