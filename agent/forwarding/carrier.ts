import { setTimeout as sleep } from 'node:timers/promises';
import { toLine } from '../influxdb/line-protocol.ts';
import type { WriteOutcome } from '../influxdb/write-outcome.ts';
import type { Delivery } from '../journal/feed.ts';
import type { Refused } from '../journal/quarantine.ts';
import type { Logger } from '../system/logging.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import type { Sink } from './sink.ts';
import type { SinkStatus } from './sink-status.ts';

export interface CarrierOptions {
  sink: Sink;
  status: SinkStatus;
  quarantine: (refused: Refused) => void;
  log: Logger;
  /** Readings in one request, at most. */
  batchSize: number;
  backoff?: BackoffOptions | undefined;
}

/** A server that answered 413 by mistake, or a proxy that is gone, gets full batches again after a hundred smaller ones. */
const GROWTH = 0.01;
/** A batch that took too long is not halved below this: then it is not the batch. */
const LEAST_FOR_TIME = 50;
/** A bad reading is one of many. A server that refuses so many in a row means all of them. */
const MOST_REFUSED_IN_A_ROW = 20;

/** What makes the server refuse lines of this reading, or this many. */
type Objection = Extract<WriteOutcome, { kind: 'invalid' | 'too-large' }> | { kind: 'too-slow' };

/** Carries batches to one sink, each until the last reading is there or in quarantine. */
export class Carrier {
  readonly #options: CarrierOptions;
  readonly #backoff: Backoff;
  #batchSize: number;
  #refusedInARow = 0;
  #volatile = false;
  #serverWasDown = false;
  #connection = { id: 0, writes: 0 };
  #connectionChanged = false;

  constructor(options: CarrierOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff);
    this.#batchSize = options.batchSize;
  }

  /** Readings that the server takes in one request, as far as is known. */
  get batchSize(): number {
    return this.#batchSize;
  }

  /** Is what was carried last in the server's memory alone? */
  get volatile(): boolean {
    return this.#volatile;
  }

  /**
   * Has the server been restarted since this was asked last? `down`: nothing listened there. `perhaps`: its connection,
   * which had served several requests, is another; one for each request is a proxy's way and tells nothing.
   */
  restarted(): 'no' | 'perhaps' | 'down' {
    const answer = this.#serverWasDown ? 'down' : this.#connectionChanged ? 'perhaps' : 'no';
    this.#serverWasDown = false;
    this.#connectionChanged = false;
    return answer;
  }

  /** Returns when each is at the server or in quarantine. A batch that is refused is halved until the one is found. */
  async carry(deliveries: readonly Delivery[], signal: AbortSignal): Promise<void> {
    const [only] = deliveries;
    for (;;) {
      const objection = await this.#write(deliveries, signal);
      if (objection === undefined) return;
      if (deliveries.length > 1) {
        if (objection.kind !== 'invalid') this.#shrinkTo(Math.floor(deliveries.length / 2));
        break;
      }
      if (!only || objection.kind === 'too-slow') continue;
      if (this.#refusedInARow < MOST_REFUSED_IN_A_ROW) {
        this.#setAside(only, objection.message);
        return;
      }
      const hint = 'the server refuses one reading after the other: look at its bucket, and at the quarantine';
      this.#trouble({ kind: 'hold', message: objection.message, hint });
      await this.#pause(0, signal);
    }
    const middle = Math.ceil(deliveries.length / 2);
    await this.carry(deliveries.slice(0, middle), signal);
    await this.carry(deliveries.slice(middle), signal);
  }

  /** Tries until the server has taken them; what it has against them is returned. */
  async #write(deliveries: readonly Delivery[], signal: AbortSignal): Promise<Objection | undefined> {
    const readings = deliveries.map(({ reading }) => reading);
    for (;;) {
      const outcome = await this.#options.sink.write(readings, signal);
      signal.throwIfAborted();
      if (outcome.kind === 'retry' || outcome.kind === 'hold') {
        this.#trouble(outcome);
        const { afterMs = 0, serverDown, timedOut } = outcome.kind === 'retry' ? outcome : {};
        this.#serverWasDown ||= serverDown === true;
        await this.#pause(afterMs, signal);
        if (timedOut && deliveries.length > LEAST_FOR_TIME) return { kind: 'too-slow' };
        continue;
      }
      if (outcome.kind !== 'written') {
        // With an objection to a single reading it is open whether all is well again.
        if (deliveries.length > 1) this.#wellAgain();
        return outcome;
      }
      this.#wellAgain();
      this.#written(deliveries, outcome);
      return undefined;
    }
  }

  #written(deliveries: readonly Delivery[], { refused, volatile }: Extract<WriteOutcome, { kind: 'written' }>): void {
    const { status, batchSize } = this.#options;
    this.#refusedInARow = 0;
    this.#batchSize = Math.min(batchSize, this.#batchSize + Math.ceil(batchSize * GROWTH));
    status.written += deliveries.length;
    status.lastWrittenMs = Date.now();
    this.#volatile = volatile !== undefined;
    if (volatile && volatile.connection !== this.#connection.id) {
      this.#connectionChanged ||= this.#connection.writes > 1;
      this.#connection = { id: volatile.connection, writes: 0 };
    }
    this.#connection.writes++;
    if (refused !== undefined) this.#leftOut(refused, deliveries);
  }

  #shrinkTo(readings: number): void {
    this.#batchSize = Math.max(1, Math.min(this.#batchSize, readings));
  }

  async #pause(atLeastMs: number, signal: AbortSignal): Promise<void> {
    await sleep(this.#backoff.nextMs(atLeastMs), undefined, { signal });
  }

  #trouble({ kind, message, hint }: { kind: 'retry' | 'hold'; message: string; hint?: string }): void {
    const { status, sink, log } = this.#options;
    const before = status.problem;
    status.problem = { kind, message, hint, sinceMs: before?.sinceMs ?? Date.now() };
    // Said once, and again when it becomes another trouble: not at each try.
    if (before?.message === message) return;
    const text = `${sink.name}: ${message}; readings wait in the journal`;
    if (kind === 'hold') log.error({ hint }, text);
    else log.warn({ hint }, text);
  }

  #wellAgain(): void {
    const { status, sink, log } = this.#options;
    this.#backoff.reset();
    if (!status.problem) return;
    const seconds = Math.round((Date.now() - status.problem.sinceMs) / 1000);
    status.problem = undefined;
    log.info({ seconds }, `${sink.name} takes readings again`);
  }

  #leftOut(message: string, deliveries: readonly Delivery[]): void {
    const { status, sink, log } = this.#options;
    const isNew = status.lastRefusal !== message;
    status.partlyRefused++;
    status.lastRefusal = message;
    // A backlog that is older than the bucket keeps would say so with each batch.
    if (!isNew) return;
    const times = deliveries.map(({ reading }) => reading.timeMs);
    log.error(
      { reason: message, from: new Date(Math.min(...times)), to: new Date(Math.max(...times)) },
      `${sink.name} left points of a batch out for good`,
    );
  }

  #setAside({ reading, key }: Delivery, reason: string): void {
    const { sink, status, quarantine, log } = this.#options;
    const line = toLine(reading);
    quarantine({ consumer: sink.name, key, line, reason, refusedMs: Date.now() });
    this.#refusedInARow++;
    status.quarantined++;
    status.lastRefusal = reason;
    log.error({ reason, line }, `${sink.name} refuses a reading for good; it is in quarantine`);
  }
}
