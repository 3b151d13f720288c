import { Bus, type BusTiming, DEFAULT_TIMING, type Debts } from '../modbus/bus.ts';
import { type Connector, isSameWire } from '../modbus/connection.ts';
import { newLineStats } from '../modbus/line-stats.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { DEFAULT_SILENCE, type SilenceTiming } from './health.ts';
import { LineQueue } from './line-queue.ts';
import type { MeterLine } from './meter-line.ts';
import { Station, type StationOptions } from './station.ts';

export interface LinkOptions {
  timing?: BusTiming;
  /** Between attempts to open; an adapter that comes back is found within this time. */
  retryMs?: number;
  /** No answer for this long: the port is taken for stuck and built anew. Doubles up to a minute while nothing answers. */
  stuckMs?: number;
  /** How meters that give no answer are asked. */
  silence?: SilenceTiming;
}

const LONGEST_STUCK_MS = 60_000;
/** Unanswered samples that a port is given, however far apart they are. */
const LEAST_UNANSWERED = 3;

/** Keeps one line open: the only place that opens, closes and replaces buses. */
export class Link implements MeterLine {
  readonly connector: Connector;
  readonly stats = newLineStats();
  /** Those who read on this line. */
  readonly queue = new LineQueue();
  readonly silence: SilenceTiming;
  /** Why there is no bus now, and what to do about it. */
  problem: AgentError | undefined;
  readonly #log: Logger;
  readonly #timing: BusTiming;
  readonly #retryMs: number;
  readonly #stuckMs: number;
  #patienceMs: number;
  #bus: Bus | undefined;
  readonly #debts: Debts = new Map();
  /** Since when, and how often, nothing has answered. */
  #unanswered: { sinceMs: number; samples: number } | undefined;
  /** True once something answered on this bus: a line that only opens and closes is not worth a log line each time. */
  #heard = true;
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
    this.silence = options.silence ?? DEFAULT_SILENCE;
  }

  /** A place for one more meter. */
  join(options: StationOptions): Station {
    // What cannot be loaded is said when it is needed.
    if (!isSameWire(options.wire, this.connector.wire)) this.connector.prepareConfigure?.().catch(() => {});
    const station = new Station({ ...options, isPaceUnknown: this.connector.framing === 'mbap' }, this);
    this.queue.sharers.add(station);
    return station;
  }

  /** The meter is read here no more. */
  leave(station: Station): void {
    this.queue.sharers.delete(station);
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
    this.#unanswered = undefined;
    this.#patienceMs = this.#stuckMs;
    this.#heard = true;
  }

  /** A meter on this line gave no answer. A hung port looks open for ever (bindings-cpp 162), so it is replaced. */
  unanswered(): void {
    this.#unanswered ??= { sinceMs: performance.now(), samples: 0 };
    this.#unanswered.samples++;
    const silentMs = performance.now() - this.#unanswered.sinceMs;
    if (!this.#bus || silentMs < this.#patienceMs || this.#unanswered.samples < LEAST_UNANSWERED) return;
    this.#unanswered = undefined;
    this.#patienceMs = Math.min(this.#patienceMs * 2, LONGEST_STUCK_MS);
    this.#log.warn({ silentMs: Math.round(silentMs) }, 'no answer on the line: opening it anew');
    this.#lost(this.#bus, new Error('no answer on the line'));
  }

  async #open(): Promise<void> {
    if (this.#stopped || this.#bus) return;
    try {
      const bus = await Bus.open(
        this.connector,
        this.stats,
        (reason) => this.#lost(bus, reason),
        this.#timing,
        this.#debts,
      );
      if (this.#stopped) return void (await bus.close());
      this.#bus = bus;
      this.problem = undefined;
      this.#say('info', {}, 'line open');
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

  #say(level: 'info' | 'warn', details: object, message: string): void {
    this.#log[this.#heard ? level : 'debug'](details, message);
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
    this.#say('warn', { reason: why }, 'line lost');
    this.#heard = false;
    bus.close().then(
      () => this.#retry(),
      () => this.#retry(),
    );
  }
}
