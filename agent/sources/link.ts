import { Bus, type BusTiming, DEFAULT_TIMING } from '../modbus/bus.ts';
import type { Connector } from '../modbus/connection.ts';
import { newLineStats } from '../modbus/line-stats.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';

export interface LinkOptions {
  timing?: BusTiming;
  /** Between attempts to open; an adapter that comes back is found within this time. */
  retryMs?: number;
  /** No answer for this long: the port is taken for stuck and built anew. Doubles up to a minute while nothing answers. */
  stuckMs?: number;
}

const LONGEST_STUCK_MS = 60_000;

/** Keeps one line open: the only place that opens, closes and replaces buses. */
export class Link {
  readonly connector: Connector;
  readonly stats = newLineStats();
  /** Why there is no bus now, and what to do about it. */
  problem: AgentError | undefined;
  readonly #log: Logger;
  readonly #timing: BusTiming;
  readonly #retryMs: number;
  readonly #stuckMs: number;
  #patienceMs: number;
  #bus: Bus | undefined;
  #lastAnswerMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #opening: Promise<void> | undefined;
  #stopped = false;

  constructor(connector: Connector, log: Logger, options: LinkOptions = {}) {
    this.connector = connector;
    this.#log = log.child({ line: connector.name });
    this.#timing = options.timing ?? DEFAULT_TIMING;
    this.#retryMs = options.retryMs ?? 500;
    this.#stuckMs = options.stuckMs ?? 5000;
    this.#patienceMs = this.#stuckMs;
  }

  /** Begins to open; resolves after the first attempt, whatever its result. */
  start(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** The open bus, or undefined while there is none. */
  bus(): Bus | undefined {
    return this.#bus;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#opening;
    await this.#bus?.close();
    this.#bus = undefined;
  }

  /** A meter on this line answered. */
  answered(): void {
    this.#lastAnswerMs = performance.now();
    this.#patienceMs = this.#stuckMs;
  }

  /** A meter on this line gave no answer. A hung port looks open for ever (bindings-cpp 162), so it is replaced. */
  unanswered(): void {
    const silentMs = performance.now() - this.#lastAnswerMs;
    if (!this.#bus || silentMs < this.#patienceMs) return;
    this.#patienceMs = Math.min(this.#patienceMs * 2, LONGEST_STUCK_MS);
    this.#log.warn({ silentMs: Math.round(silentMs) }, 'no answer on the line: opening it anew');
    this.#lost(this.#bus, new Error('no answer on the line'));
  }

  async #open(): Promise<void> {
    if (this.#stopped || this.#bus) return;
    try {
      const bus = await Bus.open(this.connector, this.stats, (reason) => this.#lost(bus, reason), this.#timing);
      if (this.#stopped) return void (await bus.close());
      this.#bus = bus;
      this.problem = undefined;
      this.#lastAnswerMs = performance.now();
      this.#log.info('line open');
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const problem =
      error instanceof AgentError ? error : new AgentError('unavailable', messageOf(error), { retryable: true });
    // Said once for each new reason, not at each attempt.
    if (problem.message !== this.problem?.message) this.#log.warn({ hint: problem.hint }, problem.message);
    this.problem = problem;
    this.#retry();
  }

  #retry(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.start(), this.#retryMs);
  }

  /** Idempotent: a dying port reports its end more than once. */
  #lost(bus: Bus, reason: Error | undefined): void {
    if (this.#bus !== bus || this.#stopped) return;
    this.#bus = undefined;
    this.stats.disconnects++;
    const why = reason ? messageOf(reason) : 'closed';
    this.problem = new AgentError('unavailable', `${this.connector.name} was lost: ${why}`, {
      retryable: true,
      hint: 'check the adapter and its cable; reading goes on by itself when it is back',
    });
    this.#log.warn({ reason: why }, 'line lost');
    bus.close().then(
      () => this.#retry(),
      () => this.#retry(),
    );
  }
}
