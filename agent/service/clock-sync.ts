import { decodeClock, encodeClock } from '../meters/service/clock-codec.ts';
import type { ClockTable } from '../meters/service/tables.ts';
import type { Bus } from '../modbus/bus.ts';
import { BusError } from '../modbus/bus-error.ts';
import { interFrameMs, readWireMs, type Wire, writeWireMs } from '../modbus/connection.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { Zone } from '../system/zone.ts';
import { driftText } from './clock-text.ts';

/** What a day's look at the clock has come to. */
export interface ClockSyncResult {
  timeMs: number;
  driftMs: number | undefined;
  /** It was written. */
  set: boolean;
  /** Of a clock that was written, afterwards. */
  leftMs?: number | undefined;
}

export interface ClockSyncOptions {
  unit: number;
  table: ClockTable;
  pauseMs: number;
  responseMs: number;
  /** Settings of the line that the meter needs. */
  wire: Wire;
  bus: () => Bus | undefined;
  /** Waits for the line. @throws BusError `busy` when it is not free for so long before the deadline */
  turn: (needMs: number, deadlineMs: number) => Promise<{ untilMs: number; end(): void }>;
  zone: Zone;
  /** Why this machine's clock is not to be trusted. */
  doubt: () => Promise<string | undefined>;
  log: Logger;
  /** The day that was done last, as it was given to `remember`; undefined: none. */
  doneDay: number | undefined;
  remember: (day: number) => void;
  record: (result: ClockSyncResult) => void;
  now?: () => number;
  /** So long a pause is waited for before it is said that there is none. */
  patienceMs?: number;
}

type Step = 'trust' | 'read' | 'write' | 'check';

const DAY_MS = 86_400_000;
/** Clocks are changed before: what is set now holds for the day. */
const FROM_HOUR_MS = 4 * 3_600_000;
/** A clock that is off by less is left alone. */
const LARGEST_DRIFT_MS = 5000;
const HALF_SECOND_MS = 500;
const TRIES = 3;
const LATER_MS = 3_600_000;
const PATIENCE_MS = 600_000;
/** Left free before the next sample. */
const MARGIN_MS = 30;
/** The silence before a request after anything went wrong, and some more for a busy machine. */
const SETTLE_MS = 30;

/**
 * Looks at a meter's clock once a day, and sets it where it has drifted: in pauses between samples, one request in each, and
 * only where there is time for the longest answer. It never writes twice a day, whatever became of the first.
 */
export class ClockSync {
  readonly #options: ClockSyncOptions;
  readonly #now: () => number;
  #step: Step = 'trust';
  #doneDay: number | undefined;
  #tries = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #driftMs: number | undefined;
  /** Since when no pause has been long enough; and the day on which that was said. */
  #crampedMs: number | undefined;
  #crampedDay: number | undefined;
  #isBusy = false;
  #isStopped = false;

  constructor(options: ClockSyncOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#doneDay = options.doneDay;
  }

  /**
   * To be called when a sample has ended.
   * @param untilMs when the line is needed again, on performance.now()'s scale
   */
  pause(untilMs: number): void {
    if (this.#isBusy || this.#isStopped || this.#today() === this.#doneDay || performance.now() < this.#notBeforeMs)
      return;
    this.#isBusy = true;
    void this.#go(untilMs - MARGIN_MS).finally(() => {
      this.#isBusy = false;
    });
  }

  /** What is under way comes to nothing. */
  stop(): void {
    this.#isStopped = true;
  }

  /** A number that changes at four in the morning, local time. */
  #today(): number {
    return Math.floor((this.#options.zone.localMs(this.#now()) - FROM_HOUR_MS) / DAY_MS);
  }

  async #go(untilMs: number): Promise<void> {
    try {
      if (this.#step === 'trust') await this.#trust();
      else await this.#request(this.#step, untilMs);
    } catch (error) {
      if (this.#isStopped) return;
      // Nothing was sent: the next pause may be longer.
      if (error instanceof BusError && error.kind === 'busy') return this.#cramped();
      this.#failed(messageOf(error));
    }
  }

  async #trust(): Promise<void> {
    const doubt = await this.#options.doubt();
    if (doubt === undefined) {
      this.#step = 'read';
      return;
    }
    this.#options.log.info({ reason: doubt }, "the meter's clock is not looked at");
    this.#later();
  }

  async #request(step: Exclude<Step, 'trust'>, deadlineMs: number): Promise<void> {
    const { bus: busOf, turn: turnOf, table, responseMs, pauseMs, wire } = this.#options;
    const bus = busOf();
    if (!bus) return;
    const words = table.bytes.length / 2;
    const wireMs = step === 'write' ? writeWireMs(wire, words) : readWireMs(wire, words);
    const silenceMs = Math.max(SETTLE_MS, pauseMs, interFrameMs(wire));
    const turn = await turnOf(silenceMs + wireMs + interFrameMs(wire) + responseMs, deadlineMs);
    try {
      if (step === 'write') await this.#write(bus, turn.untilMs);
      else {
        const driftMs = await this.#drift(bus, turn.untilMs);
        if (step === 'read') this.#seen(driftMs);
        else this.#checked(driftMs);
      }
      this.#crampedMs = undefined;
    } finally {
      turn.end();
    }
  }

  async #drift(bus: Bus, untilMs: number): Promise<number | undefined> {
    const { unit, table, pauseMs, responseMs, wire, zone } = this.#options;
    const beforeMs = this.#now();
    const count = table.bytes.length / 2;
    const request = { unit, functionCode: 3, address: table.address, count, pauseMs, responseMs, wire } as const;
    const meterMs = decodeClock(table, await bus.read(request, untilMs));
    if (meterMs === undefined) return undefined;
    return meterMs + HALF_SECOND_MS - zone.localMs((beforeMs + this.#now()) / 2);
  }

  #seen(driftMs: number | undefined): void {
    this.#driftMs = driftMs;
    if (driftMs !== undefined && Math.abs(driftMs) <= LARGEST_DRIFT_MS) this.#done({ set: false });
    else this.#step = 'write';
  }

  async #write(bus: Bus, untilMs: number): Promise<void> {
    const { unit, table, pauseMs, responseMs, wire, zone, log } = this.#options;
    // The second that it is nearest to when the request has arrived.
    const nowMs = this.#now() + writeWireMs(wire, table.bytes.length / 2);
    const registers = encodeClock(table, zone.localMs(Math.round(nowMs / 1000) * 1000));
    try {
      await bus.write({ unit, address: table.address, registers, pauseMs, responseMs, wire }, untilMs);
    } catch (error) {
      if (!(error instanceof BusError) || error.kind === 'busy') throw error;
      log.warn({ reason: error.message }, "the meter has not confirmed its clock's time: it is read");
    }
    this.#tries = 0;
    this.#step = 'check';
  }

  #checked(leftMs: number | undefined): void {
    const { log } = this.#options;
    const before = this.#driftMs === undefined ? 'no time' : driftText(this.#driftMs);
    if (leftMs !== undefined && Math.abs(leftMs) <= LARGEST_DRIFT_MS) log.info({ before }, "the meter's clock was set");
    else
      log.warn(
        { before },
        "the meter's clock was not set: the meter refuses or ignores it; it is tried again tomorrow",
      );
    this.#done({ set: true, leftMs });
  }

  /** A line that is always in use: said once a day, because the clock then goes wrong in silence. */
  #cramped(): void {
    const nowMs = performance.now();
    this.#crampedMs ??= nowMs;
    const { patienceMs = PATIENCE_MS, log } = this.#options;
    if (nowMs - this.#crampedMs < patienceMs || this.#crampedDay === this.#today()) return;
    this.#crampedDay = this.#today();
    const hint = 'read energies less often, such as intervals: {energy: 10s}, or give the meter a longer interval';
    log.warn({ hint }, "the meter's clock is not looked at: no pause between its samples is long enough");
  }

  #failed(reason: string): void {
    this.#tries++;
    if (this.#tries < TRIES) return;
    this.#options.log.warn({ reason }, "the meter's clock cannot be read");
    // What was written is not written again today.
    if (this.#step === 'check') this.#done({ set: true, leftMs: undefined });
    else this.#later();
  }

  #later(): void {
    this.#tries = 0;
    this.#step = 'trust';
    this.#notBeforeMs = performance.now() + LATER_MS;
  }

  #done(result: Pick<ClockSyncResult, 'set' | 'leftMs'>): void {
    if (this.#isStopped) return;
    this.#doneDay = this.#today();
    this.#tries = 0;
    this.#step = 'trust';
    this.#options.remember(this.#doneDay);
    this.#options.record({ timeMs: this.#now(), driftMs: this.#driftMs, ...result });
  }
}
