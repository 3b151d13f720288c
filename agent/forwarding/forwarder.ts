import { setTimeout as sleep } from 'node:timers/promises';
import { toLine } from '../influxdb/line-protocol.ts';
import type { Position } from '../journal/cursors.ts';
import type { Delivery } from '../journal/feed.ts';
import type { Refused } from '../journal/quarantine.ts';
import type { Reading } from '../readings/reading.ts';
import type { Logger } from '../system/logging.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import type { Sink } from './sink.ts';
import { newSinkStatus, type SinkStatus } from './sink-status.ts';

/** What a forwarder needs of the journal. */
export interface ForwarderSource {
  /** Readings after a position, oldest first. */
  after(position: Position, limit: number): Delivery[];
}

/** Where a forwarder is in the journal. */
export interface ForwarderCursor {
  readonly position: Position;
  /** @returns true when somebody has set the position since */
  refresh(): boolean;
  advance(position: Position): void;
  save(): void;
}

export interface ForwarderOptions {
  sink: Sink;
  feed: ForwarderSource;
  cursor: ForwarderCursor;
  quarantine: (refused: Refused) => void;
  log: Logger;
  /** Pause while there is nothing to catch up with. */
  batchIntervalMs: number;
  /** Readings in one request. */
  batchSize: number;
  backoff?: BackoffOptions;
}

/** A server that was told 413 by mistake, or by a proxy that is gone, gets full batches again after a hundred smaller ones. */
const GROWTH = 0.01;
/**
 * VictoriaMetrics keeps what it acknowledged in memory, for 5 s by default. A server that dies more often than this gets
 * nothing new.
 */
const UNSURE_MS = 10_000;
/** Proxies that close connections all the time must not make it go round in circles. */
const LOOK_BACK_AT_MOST_EACH_MS = 60_000;

/** Carries the journal's readings to one sink: in order, one request at a time, for ever. */
export class Forwarder {
  readonly status: SinkStatus;
  readonly #options: ForwarderOptions;
  readonly #log: Logger;
  readonly #backoff: Backoff;
  #batchSize: number;
  /** Where each batch of the last seconds began, and when it was acknowledged. */
  #recent: { from: Position; atMs: number }[] = [];
  #wasDown = false;
  #connection: number | undefined;
  #newConnection = false;
  #lookedBackMs = Number.NEGATIVE_INFINITY;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#log = options.log.child({ sink: options.sink.name });
    this.#backoff = new Backoff(options.backoff);
    this.#batchSize = options.batchSize;
    this.status = newSinkStatus(options.sink);
    this.status.position = options.cursor.position;
  }

  /** Runs until the signal aborts. A request under way is then given up: what it wrote is written again later. */
  async run(signal: AbortSignal): Promise<void> {
    const { cursor } = this.#options;
    try {
      while (!signal.aborted) {
        const took = await this.#step(signal);
        if (took < this.#batchSize) await sleep(this.#options.batchIntervalMs, undefined, { signal });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      cursor.save();
      this.#options.sink.close();
    }
  }

  /** @returns how many readings it took */
  async #step(signal: AbortSignal): Promise<number> {
    const { cursor, feed } = this.#options;
    if (cursor.refresh()) this.#log.info({ position: cursor.position }, 'going on from where the cursor was set to');
    const size = this.#batchSize;
    const deliveries = feed.after(cursor.position, size);
    this.status.catchingUp = deliveries.length === size;
    const last = deliveries.at(-1);
    if (last) {
      const from = cursor.position;
      await this.#deliver(deliveries, signal);
      cursor.advance(last.position);
      this.status.lastTimeMs = last.reading.timeMs;
      this.#remember(from);
    }
    this.status.position = cursor.position;
    this.status.checkedMs = Date.now();
    return deliveries.length;
  }

  /**
   * A server that was down, or that answers on a new connection, may have been killed: what it acknowledged just before is
   * sent once more.
   */
  #remember(from: Position): void {
    const nowMs = performance.now();
    const mayBeNew = this.#newConnection && nowMs - this.#lookedBackMs >= LOOK_BACK_AT_MOST_EACH_MS;
    const first = this.#recent[0];
    if ((this.#wasDown || mayBeNew) && first) {
      this.#options.cursor.advance(first.from);
      this.#recent = [];
      this.#lookedBackMs = nowMs;
    } else {
      this.#recent.push({ from, atMs: nowMs });
      this.#recent = this.#recent.filter(({ atMs }) => nowMs - atMs < UNSURE_MS);
    }
    this.#wasDown = false;
    this.#newConnection = false;
  }

  /** Returns when each is at the server or in quarantine. A batch that is refused is halved until the one is found. */
  async #deliver(deliveries: readonly Delivery[], signal: AbortSignal): Promise<void> {
    const readings = deliveries.map(({ reading }) => reading);
    const problem = await this.#write(readings, signal);
    if (problem === undefined) return;
    const [only] = deliveries;
    if (deliveries.length === 1 && only) {
      this.#setAside(only, problem.message);
      return;
    }
    if (problem.kind === 'too-large') this.#batchSize = Math.max(1, Math.floor(this.#batchSize / 2));
    const middle = Math.ceil(deliveries.length / 2);
    await this.#deliver(deliveries.slice(0, middle), signal);
    await this.#deliver(deliveries.slice(middle), signal);
  }

  /** Tries until the server has taken them; what it says of the lines themselves is returned. */
  async #write(
    readings: readonly Reading[],
    signal: AbortSignal,
  ): Promise<{ kind: 'invalid' | 'too-large'; message: string } | undefined> {
    const { sink } = this.#options;
    for (;;) {
      const outcome = await sink.write(readings, signal);
      signal.throwIfAborted();
      if (outcome.kind === 'retry' || outcome.kind === 'hold') {
        this.#wasDown ||= outcome.kind === 'retry' && outcome.serverDown === true;
        this.#trouble(outcome);
        await sleep(this.#backoff.nextMs('afterMs' in outcome ? outcome.afterMs : 0), undefined, { signal });
        continue;
      }
      this.#wellAgain();
      if (outcome.kind !== 'written') return outcome;
      this.#batchSize = Math.min(
        this.#options.batchSize,
        this.#batchSize + Math.ceil(this.#options.batchSize * GROWTH),
      );
      this.status.written += readings.length;
      this.status.lastWrittenMs = Date.now();
      if (outcome.volatile) {
        this.#newConnection ||= this.#connection !== undefined && outcome.volatile.connection !== this.#connection;
        this.#connection = outcome.volatile.connection;
      }
      if (outcome.refused !== undefined) this.#partlyRefused(outcome.refused, readings);
      return undefined;
    }
  }

  #trouble(outcome: { kind: 'retry' | 'hold'; message: string; hint?: string }): void {
    const { kind, message, hint } = outcome;
    const before = this.status.problem;
    this.status.problem = { kind, message, hint, sinceMs: before?.sinceMs ?? Date.now() };
    // Said once, and again when it becomes another trouble: not at each try.
    if (before?.message === message) return;
    const text = `${this.#options.sink.name}: ${message}; readings wait in the journal`;
    if (kind === 'hold') this.#log.error({ hint }, text);
    else this.#log.warn({ hint }, text);
  }

  #wellAgain(): void {
    this.#backoff.reset();
    if (!this.status.problem) return;
    const seconds = Math.round((Date.now() - this.status.problem.sinceMs) / 1000);
    this.status.problem = undefined;
    this.#log.info({ seconds }, `${this.#options.sink.name} takes readings again`);
  }

  #partlyRefused(message: string, readings: readonly Reading[]): void {
    this.status.partlyRefused++;
    this.status.lastRefusal = message;
    const times = readings.map(({ timeMs }) => timeMs);
    this.#log.error(
      { reason: message, from: new Date(Math.min(...times)), to: new Date(Math.max(...times)) },
      `${this.#options.sink.name} left points of a batch out for good`,
    );
  }

  #setAside({ reading, key }: Delivery, reason: string): void {
    const { sink, quarantine } = this.#options;
    const line = toLine(reading);
    quarantine({ consumer: sink.name, key, line, reason, refusedMs: Date.now() });
    this.status.quarantined++;
    this.status.lastRefusal = reason;
    this.#log.error({ reason, line }, `${sink.name} refuses a reading for good; it is in quarantine`);
  }
}
