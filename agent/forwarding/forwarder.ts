import { setTimeout as sleep } from 'node:timers/promises';
import type { Position } from '../journal/cursors.ts';
import type { Portion } from '../journal/feed.ts';
import type { Refused } from '../journal/quarantine.ts';
import type { Logger } from '../system/logging.ts';
import type { BackoffOptions } from './backoff.ts';
import { Carrier } from './carrier.ts';
import type { Sink } from './sink.ts';
import { newSinkStatus, type SinkStatus } from './sink-status.ts';

/** What a forwarder needs of the journal. */
export interface ForwarderSource {
  /** What comes after a position. */
  after(position: Position, limit: number): Portion;
}

/** Where a forwarder is in the journal. */
export interface ForwarderCursor {
  readonly position: Position;
  /** @returns true when somebody has set the position since */
  refresh(): boolean;
  /** @param unsure the server has it in memory alone */
  advance(position: Position, unsure: boolean): void;
  /** Back to before what the server may have lost. @returns false when there is no such thing */
  lookBack(): boolean;
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

/** A link that breaks all the time must not make it go round in circles. */
const LOOK_BACK_AT_MOST_EACH_MS = 60_000;

/** Takes the journal's readings to one sink: in order, one request at a time, for ever. */
export class Forwarder {
  readonly status: SinkStatus;
  readonly #options: ForwarderOptions;
  readonly #log: Logger;
  readonly #carrier: Carrier;
  #lookedBackMs = Number.NEGATIVE_INFINITY;

  constructor(options: ForwarderOptions) {
    const { sink, quarantine, batchSize, backoff } = options;
    this.#options = options;
    this.#log = options.log.child({ sink: sink.name });
    this.status = newSinkStatus(sink);
    this.status.position = options.cursor.position;
    this.#carrier = new Carrier({ sink, status: this.status, quarantine, log: this.#log, batchSize, backoff });
  }

  /** Runs until the signal aborts. A request under way is then given up: what it wrote is written again later. */
  async run(signal: AbortSignal): Promise<void> {
    const { cursor, sink, batchIntervalMs } = this.#options;
    try {
      while (!signal.aborted) {
        const more = await this.#step(signal);
        if (!more) await sleep(batchIntervalMs, undefined, { signal });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      cursor.save();
      sink.close();
    }
  }

  /** @returns true when there is more at once */
  async #step(signal: AbortSignal): Promise<boolean> {
    const { cursor, feed } = this.#options;
    if (cursor.refresh()) {
      this.#carrier.restarted();
      this.#log.info({ position: cursor.position }, 'going on from where the cursor was set to');
    }
    const { deliveries, position, more } = feed.after(cursor.position, this.#carrier.batchSize);
    this.status.catchingUp = more;
    const last = deliveries.at(-1);
    if (last) {
      await this.#carrier.carry(deliveries, signal);
      this.status.lastTimeMs = last.reading.timeMs;
      cursor.advance(position, this.#carrier.volatile);
    } else if (position.key !== cursor.position.key || position.late !== cursor.position.late) {
      cursor.advance(position, false);
    }
    const lookedBack = this.#lookBack();
    this.status.position = cursor.position;
    this.status.checkedMs = Date.now();
    return more || lookedBack;
  }

  /** A server that has been killed meanwhile gets once more what it had acknowledged and not yet written. */
  #lookBack(): boolean {
    const restarted = this.#carrier.restarted();
    const nowMs = performance.now();
    const tooSoon = restarted === 'perhaps' && nowMs - this.#lookedBackMs < LOOK_BACK_AT_MOST_EACH_MS;
    if (restarted === 'no' || tooSoon || !this.#options.cursor.lookBack()) return false;
    this.#lookedBackMs = nowMs;
    return true;
  }
}
