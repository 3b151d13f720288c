import { setTimeout as sleep } from 'node:timers/promises';
import ModbusSerial from 'modbus-serial';
import { messageOf } from '../system/errors.ts';
import { BusError } from './bus-error.ts';
import {
  type Connection,
  type Connector,
  characterMs,
  interFrameMs,
  isSameWire,
  readWireMs,
  type Wire,
} from './connection.ts';
import { withCrc } from './crc.ts';
import {
  type Exchange,
  type ReadRequest,
  type ReplyShape,
  readExchange,
  shapeOf,
  type WriteRequest,
  writeExchange,
} from './exchange.ts';
import { classified } from './failure.ts';
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

/** Replies that may still come, by unit, function and length, with the time (performance.now()) until which they may. */
export type Debts = Map<string, number>;

/** A network and a gateway take this much at least. */
const LEAST_TCP_MS = 2;
/** Time for the driver to hand over what the kernel holds. */
const DRAIN_MS = 2;

/**
 * One line with its meters: requests go one at a time, each with a deadline, each answered by its own reply or by an error.
 *
 * An RTU reply names neither its register address nor its request, only its unit and length. So a read that ended without
 * its own verified reply leaves a debt: until `lateReplyMs` have passed, no read of the same length is sent to that unit,
 * and whatever arrives for it is skipped as a frame of the wrong unit or length.
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
  #tuned: Wire | undefined;
  #previous = '';
  #dirty = true;
  #queue: Promise<unknown> = Promise.resolve();
  #rejectPending: ((error: BusError) => void) | undefined;
  #closed = false;

  private constructor(connector: Connector, connection: Connection, stats: LineStats, timing: BusTiming, debts: Debts) {
    this.#debts = debts;
    this.stats = stats;
    this.wire = connector.wire;
    this.#tuned = connector.wire;
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

  /** The settings that the line has now; undefined where the last change of them failed. */
  tuned(): Wire | undefined {
    return this.#tuned;
  }

  /** Shortest time of a read with its answer; behind a gateway nobody knows how fast the line is. */
  leastMs({ count, wire = this.wire }: Pick<ReadRequest, 'count' | 'wire'>): number {
    return this.#framing.identifiesReplies ? LEAST_TCP_MS : readWireMs(wire, count) + interFrameMs(wire);
  }

  /** Whether a gateway may still be waiting for this unit: another request for it would only wait behind the first. */
  isAwaited(unit: number): boolean {
    return this.#framing.owedUnits?.(this.#timing.lateReplyMs).has(unit) ?? false;
  }

  /** Longest wait for the first byte of this read's reply now; longer while a gateway may be waiting for another unit. */
  responseMs({ unit, responseMs = this.#timing.responseMs }: Pick<ReadRequest, 'unit' | 'responseMs'>): number {
    const { lateReplyMs } = this.#timing;
    const others = [...(this.#framing.owedUnits?.(lateReplyMs) ?? [])].filter((other) => other !== unit);
    return others.length > 0 ? Math.max(lateReplyMs, responseMs) : responseMs;
  }

  /** May a late reply of this shape still arrive? Then nothing of it can be read now. */
  owes(shape: ReplyShape): boolean {
    return this.#owed(shapeOf(shape));
  }

  #owed(key: string): boolean {
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
    return this.#inTurn(readExchange(request, this.#client, this.wire), deadlineMs);
  }

  /**
   * Writes registers, once. An error of any kind but `exception` and `busy` leaves open whether the meter has done it: that
   * is found out by reading, never by writing again.
   * @param deadlineMs on performance.now()'s scale
   * @throws BusError; `busy`: nothing was sent
   */
  async write(request: WriteRequest, deadlineMs: number): Promise<void> {
    await this.#inTurn(writeExchange(request, this.#client, this.wire), deadlineMs);
  }

  /**
   * Sends a frame of a maker's own function, whose reply nobody knows: waits until the line is silent again.
   * @param frame unit, function and the rest, without checksum
   * @param listenMs how long a reply may take to begin
   * @throws BusError when the line is closed, or was not silent before the deadline
   */
  sendForeign(frame: Buffer, listenMs: number, deadlineMs: number): Promise<void> {
    const sent = this.#queue.then(async () => {
      await this.#quiet({ shape: 'foreign', wire: this.wire, pauseMs: undefined }, deadlineMs);
      if (this.#closed) throw new BusError('disconnected', 'the line is closed');
      this.stats.requests++;
      this.#dirty = true;
      this.#port.write(withCrc(frame));
      await sleep((frame.length + 2) * characterMs(this.wire) + listenMs);
      this.#port.endTransaction();
    });
    this.#queue = sent.catch(() => {});
    return sent;
  }

  #inTurn(exchange: Exchange, deadlineMs: number): Promise<Buffer> {
    const result = this.#queue.then(() => this.#transact(exchange, deadlineMs));
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

  async #transact(exchange: Exchange, deadlineMs: number): Promise<Buffer> {
    const { unit, shape, owed, wire, send } = exchange;
    await this.#tune(wire, deadlineMs);
    await this.#quiet(exchange, deadlineMs);
    if (this.#closed) throw new BusError('disconnected', 'the line is closed');
    if (!this.#framing.identifiesReplies && this.#owed(shape)) {
      throw new BusError('busy', `${owed} may still be on its way`);
    }
    const wireMs = exchange.wireMs + interFrameMs(wire);
    const patienceMs = Math.floor(Math.min(wireMs + this.responseMs(exchange), deadlineMs - performance.now()));
    const leastMs = this.#framing.identifiesReplies ? LEAST_TCP_MS : wireMs;
    if (patienceMs < leastMs) throw new BusError('busy', 'no time is left for this request');

    this.stats.requests++;
    this.#previous = shape;
    this.#client.setID(unit);
    this.#client.setTimeout(patienceMs);
    try {
      const buffer = await this.#orClosed(send());
      this.stats.answers++;
      this.#dirty = false;
      return buffer;
    } catch (error) {
      this.#dirty = true;
      if (!this.#framing.identifiesReplies) this.#debts.set(shape, performance.now() + this.#timing.lateReplyMs);
      throw classified(error, this.#port, this.stats);
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

  /** Gives the line the settings that a meter needs, between two silences, so that no meter sees a frame go on. */
  async #tune(wire: Wire, deadlineMs: number): Promise<void> {
    const before = this.#tuned;
    if (this.#closed || (before && isSameWire(before, wire))) return;
    await this.#silence(before ? interFrameMs(before) : 0, deadlineMs);
    this.#tuned = undefined;
    try {
      await this.#connection.configure?.(wire);
    } catch (error) {
      throw new BusError('disconnected', messageOf(error), { cause: error, final: true });
    }
    this.#tuned = wire;
    this.#port.hush();
    await this.#silence(before ? interFrameMs(before) : 0, deadlineMs);
  }

  /** Waits for the line to be silent before a request. */
  #quiet({ shape, wire, pauseMs }: Pick<Exchange, 'shape' | 'wire' | 'pauseMs'>, deadlineMs: number): Promise<void> {
    // The double of the last reply would fit a request of the same shape: then its first bytes are waited for.
    const careful = this.#dirty || shape === this.#previous;
    const settleMs = careful ? this.#timing.settleMs : 0;
    const frameMs = interFrameMs(wire);
    return this.#silence(Math.max(settleMs, frameMs, pauseMs ?? 0), deadlineMs);
  }

  /** Bytes that come meanwhile are strays and prolong the wait. */
  async #silence(neededMs: number, deadlineMs: number): Promise<void> {
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
}
