import { setTimeout as sleep } from 'node:timers/promises';
import ModbusSerial from 'modbus-serial';
import { messageOf } from '../system/errors.ts';
import { BusError } from './bus-error.ts';
import { type Connection, type Connector, interFrameMs, readWireMs, type Wire } from './connection.ts';
import { FramedPort } from './framed-port.ts';
import type { LineStats } from './line-stats.ts';
import { mbapFraming } from './mbap-framing.ts';
import type { Framing } from './receiver.ts';
import { rtuFraming } from './rtu-framing.ts';

/** The patience of a bus, in milliseconds. */
export interface BusTiming {
  /** Longest wait for the first byte of a reply, beyond the time on the wire. */
  responseMs: number;
  /** Silence required before the next request after anything went wrong. */
  settleMs: number;
  /** A reply whose bytes pause this long is broken off. USB adapters deliver in steps of 16 ms. */
  stallMs: number;
  /** How long a reply that never came is still expected. Until then no read of its length is sent. */
  lateReplyMs: number;
}

export const DEFAULT_TIMING: BusTiming = { responseMs: 250, settleMs: 20, stallMs: 80, lateReplyMs: 3000 };

/** Replies that may still come, by function and length, with the time (performance.now()) until which they may. */
export type Debts = Map<string, number>;

/** What a reply shows of its request, beside its unit. */
export interface ReplyShape {
  functionCode: 3 | 4;
  /** Registers, 1-125. */
  count: number;
}

export interface ReadRequest extends ReplyShape {
  unit: number;
  address: number;
  /** Silence that the meter needs before a request, ms; the line's own where that is longer. */
  pauseMs?: number | undefined;
  /** Longest wait for this meter's first byte, ms, instead of the line's. */
  responseMs?: number | undefined;
}

const shapeOf = ({ functionCode, count }: ReplyShape): string => `${functionCode}/${count}`;

/** Time for the driver to hand over what the kernel holds. */
const DRAIN_MS = 2;

/**
 * One line with its meters: reads go one at a time, each with a deadline, each answered by its own reply or by an error.
 *
 * An RTU reply names neither its register address nor its request, only its length. So a read that ended without its own
 * verified reply leaves a debt: until `lateReplyMs` have passed, no read of the same length is sent, and whatever arrives
 * for it is skipped as a frame of the wrong length.
 */
export class Bus {
  readonly stats: LineStats;
  readonly wire: Wire;
  readonly #timing: BusTiming;
  readonly #framing: Framing;
  readonly #connection: Connection;
  readonly #port: FramedPort;
  readonly #client: InstanceType<typeof ModbusSerial.default>;
  readonly #debts: Debts;
  #previous = '';
  #dirty = true;
  #queue: Promise<unknown> = Promise.resolve();
  #rejectPending: ((error: BusError) => void) | undefined;
  #closed = false;

  private constructor(connector: Connector, connection: Connection, stats: LineStats, timing: BusTiming, debts: Debts) {
    this.#debts = debts;
    this.stats = stats;
    this.wire = connector.wire;
    this.#timing = timing;
    this.#framing = connector.framing === 'rtu' ? rtuFraming : mbapFraming();
    this.#connection = connection;
    this.#port = new FramedPort(connection, this.#framing, stats, timing.stallMs);
    // Its declared port type is a whole SerialPort; it uses isOpen, open, close, write and `data`.
    this.#client = new ModbusSerial.default(this.#port as never);
    this.#client.on('error', () => {});
  }

  /**
   * Opens the connector's line. `onClose` is called once when it ends by itself.
   * @param debts outlive the bus: a reply can be late enough to arrive on the next connection
   */
  static async open(
    connector: Connector,
    stats: LineStats,
    onClose: (reason: Error | undefined) => void,
    timing: BusTiming = DEFAULT_TIMING,
    debts: Debts = new Map(),
  ): Promise<Bus> {
    const connection = await connector.open();
    const bus = new Bus(connector, connection, stats, timing, debts);
    connection.onClose((reason) => {
      bus.#end(reason);
      onClose(reason);
    });
    await new Promise<void>((resolve) => bus.#client.open(() => resolve()));
    return bus;
  }

  /** May a late reply of this shape still arrive? Then nothing of it can be read now. */
  owes(shape: ReplyShape): boolean {
    const key = shapeOf(shape);
    const untilMs = this.#debts.get(key);
    if (untilMs === undefined || untilMs > performance.now()) return untilMs !== undefined;
    this.#debts.delete(key);
    return false;
  }

  /**
   * Reads registers.
   * @param deadlineMs on performance.now()'s scale; the answer, or the error, comes before it
   * @returns two bytes a register, big-endian
   * @throws BusError
   */
  read(request: ReadRequest, deadlineMs: number): Promise<Buffer> {
    const result = this.#queue.then(() => this.#transact(request, deadlineMs));
    this.#queue = result.catch(() => {});
    return result;
  }

  /** Closes the line; a pending read fails as disconnected. */
  async close(): Promise<void> {
    this.#end(undefined);
    await this.#connection.close();
  }

  #end(reason: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
    this.#rejectPending?.(
      new BusError('disconnected', `the line closed: ${reason ? messageOf(reason) : 'on purpose'}`),
    );
  }

  async #transact(request: ReadRequest, deadlineMs: number): Promise<Buffer> {
    await this.#quiet(request, deadlineMs);
    if (this.#closed) throw new BusError('disconnected', 'the line is closed');
    if (!this.#framing.identifiesReplies && this.owes(request)) {
      throw new BusError('busy', `a late reply of ${request.count} registers may still be on its way`);
    }
    const wireMs = readWireMs(this.wire, request.count) + interFrameMs(this.wire);
    const responseMs = request.responseMs ?? this.#timing.responseMs;
    const patienceMs = Math.floor(Math.min(wireMs + responseMs, deadlineMs - performance.now()));
    if (patienceMs < wireMs) throw new BusError('busy', 'no time is left for this read');

    this.stats.requests++;
    this.#previous = shapeOf(request);
    this.#client.setID(request.unit);
    this.#client.setTimeout(patienceMs);
    try {
      const read = request.functionCode === 3 ? 'readHoldingRegisters' : 'readInputRegisters';
      const { buffer } = await this.#orClosed(this.#client[read](request.address, request.count));
      this.stats.answers++;
      this.#dirty = false;
      return buffer;
    } catch (error) {
      this.#dirty = true;
      if (!this.#framing.identifiesReplies)
        this.#debts.set(shapeOf(request), performance.now() + this.#timing.lateReplyMs);
      throw this.#classify(error);
    } finally {
      this.#port.endTransaction();
    }
  }

  /** modbus-serial leaves a read pending when its port closes. */
  #orClosed<T>(pending: Promise<T>): Promise<T> {
    pending.catch(() => {});
    const closed = new Promise<never>((_, reject) => {
      this.#rejectPending = reject;
    });
    return Promise.race([pending, closed]).finally(() => {
      this.#rejectPending = undefined;
    });
  }

  /** Waits for the line to be silent; bytes that come meanwhile are strays and prolong the wait. */
  async #quiet(request: ReadRequest, deadlineMs: number): Promise<void> {
    // The double of the last reply would fit a read of the same shape: then its first bytes are waited for.
    const careful = this.#dirty || shapeOf(request) === this.#previous;
    const settleMs = careful ? this.#timing.settleMs : 0;
    const neededMs = Math.max(settleMs, interFrameMs(this.wire), request.pauseMs ?? 0);
    // After a stall of the process, a late reply still lies in the kernel's buffer, or on its way through the driver's
    // thread: the one is read here, the other has at least one turn of the event loop.
    this.#port.drain();
    let leftMs = Math.max(neededMs - this.#port.silentMs(), DRAIN_MS);
    while (leftMs > 0 && !this.#closed) {
      if (performance.now() + leftMs > deadlineMs) throw new BusError('busy', 'the line did not fall silent in time');
      await sleep(leftMs);
      this.#port.drain();
      leftMs = neededMs - this.#port.silentMs();
    }
  }

  #classify(thrown: unknown): BusError {
    if (thrown instanceof BusError) return thrown;
    const raw = this.#port.rawReply();
    const message = messageOf(thrown);
    const details = { raw, cause: thrown };
    if (typeof thrown === 'object' && thrown !== null && 'modbusCode' in thrown) {
      this.stats.exceptions++;
      return new BusError('exception', message, { ...details, exceptionCode: Number(thrown.modbusCode) });
    }
    if (this.#port.fault === 'truncated') {
      this.stats.truncated++;
      return new BusError('truncated', 'the reply broke off', details);
    }
    if (this.#port.fault === 'noise') {
      this.stats.noise++;
      return new BusError('noise', 'what came is no reply', details);
    }
    if (/timed out/i.test(message)) {
      this.stats.timeouts++;
      return new BusError('timeout', 'no answer in time', details);
    }
    this.stats.crcErrors++;
    return new BusError('crc', `the reply is damaged: ${message}`, details);
  }
}
