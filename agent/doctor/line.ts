import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, type Connector, characterMs, interFrameMs, type Wire } from '../modbus/connection.ts';
import { withCrc } from '../modbus/crc.ts';
import { newLineStats } from '../modbus/line-stats.ts';
import { mbapFraming } from '../modbus/mbap-framing.ts';
import type { Framing, Receiver } from '../modbus/receiver.ts';
import { serialConnector } from '../modbus/serial-connection.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import { isLocked, isOutputStuck, type LineCounters, lineCounters } from '../system/terminal.ts';
import {
  readTermios,
  type TerminalSettings,
  type Termios,
  withParityCheck,
  withSettings,
  writeTermios,
} from '../system/termios.ts';
import { type Reply, readReply } from './reply.ts';

/** A read, as it is asked: nothing else is ever sent. */
export interface Question {
  unit: number;
  functionCode: 3 | 4;
  address: number;
  /** Registers. */
  count: number;
}

export interface Heard extends Reply {
  raw: Buffer;
  /** From the end of the request to the reply's first byte; undefined: none came. An adapter's step is part of it. */
  firstByteMs: number | undefined;
  /** From the end of the request to the end of the reply. */
  wholeMs: number;
  /** Bytes that came since the last reply, before this request went out. */
  unasked: number;
}

/** A reply whose bytes pause this long is over. USB adapters deliver in steps of 16 ms. */
const STALL_MS = 45;
const WIRE_9600: Wire = { baudRate: 9600, parity: 'even', dataBits: 8, stopBits: 1 };

/** The port's terminal, by a descriptor of our own, and how it was set before. */
interface Terminal {
  fd: number;
  saved: Termios | undefined;
}

/** A line under examination: one question at a time, its settings changed while it is open, put back when it is closed. */
export class Line {
  readonly name: string;
  readonly framing: Connector['framing'];
  /** Is it a serial port of this machine, whose settings can be tried? */
  readonly isSerial: boolean;
  readonly #connection: Connection;
  readonly #terminal: Terminal | undefined;
  readonly #mbap: Framing | undefined;
  readonly #signal: AbortSignal;
  #wire: Wire;
  #receiver: Receiver | undefined;
  #listener: ((chunk: Buffer) => void) | undefined;
  #lastTrafficMs = performance.now();
  #unasked = 0;
  #lost: Error | undefined;
  #onLost: (() => void) | undefined;

  private constructor(
    connector: Connector,
    connection: Connection,
    terminal: Terminal | undefined,
    signal: AbortSignal,
  ) {
    this.name = connector.name;
    this.framing = connector.framing;
    this.isSerial = terminal !== undefined;
    this.#wire = connector.wire;
    this.#connection = connection;
    this.#terminal = terminal;
    this.#mbap = connector.framing === 'mbap' ? mbapFraming() : undefined;
    this.#signal = signal;
    connection.onData((chunk) => {
      this.#lastTrafficMs = performance.now();
      if (this.#listener) this.#listener(chunk);
      else this.#unasked += chunk.length;
    });
    connection.onClose((reason) => {
      this.#lost = reason ?? new Error('closed');
      this.#onLost?.();
    });
  }

  /** @throws AgentError that says what is missing, held by others or forbidden */
  static async openSerial(path: string, signal: AbortSignal): Promise<Line> {
    const connector = serialConnector(path, WIRE_9600);
    const terminal = terminalOf(path);
    // serialport sets parity and stop bits before it looks whether the port is held: that would disturb who holds it.
    if (terminal && isLocked(terminal.fd)) {
      closeSync(terminal.fd);
      throw new AgentError('unavailable', `serial port ${path} is held by another program`, { retryable: true });
    }
    try {
      return new Line(connector, await connector.open(), terminal, signal);
    } catch (error) {
      if (terminal) leave(terminal);
      throw error;
    }
  }

  /** @throws AgentError when the gateway is not there */
  static async openNetwork(connector: Connector, signal: AbortSignal): Promise<Line> {
    return new Line(connector, await connector.open(), undefined, signal);
  }

  get wire(): Wire {
    return this.#wire;
  }

  /** Sets rate and frame; of a network line nothing changes but what is reckoned with. */
  set(settings: TerminalSettings): void {
    this.#wire = { ...settings, dataBits: 8 };
    if (this.#terminal) setTerminal(this.#terminal.fd, settings);
  }

  /** What the driver has counted so far; undefined where it counts nothing. */
  counters(): LineCounters | undefined {
    return this.#terminal && lineCounters(this.#terminal.fd);
  }

  /** Does the adapter keep what it should have sent by now? */
  isStuck(): boolean {
    return this.#terminal !== undefined && this.#lost === undefined && isOutputStuck(this.#terminal.fd);
  }

  /** All that comes while nothing is asked. @throws AgentError when the line is gone */
  async listen(ms: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    this.#listener = (chunk) => void chunks.push(chunk);
    await this.#wait(ms);
    this.#listener = undefined;
    return Buffer.concat(chunks);
  }

  /**
   * Waits until a Modbus TCP gateway has answered all that it was asked. It waits for each unit in turn, mostly for a second:
   * who asks faster than that finds no meter behind it.
   * @returns whether it has
   * @throws AgentError when the line is gone
   */
  async isSettled(mostMs: number): Promise<boolean> {
    const STEP_MS = 20;
    const isOwing = () => (this.#mbap?.owedUnits?.(Number.POSITIVE_INFINITY).size ?? 0) > 0;
    this.#listener = (chunk) => this.#receiver?.push(chunk);
    try {
      for (let leftMs = mostMs; leftMs > 0 && isOwing(); leftMs -= STEP_MS) await this.#wait(STEP_MS);
    } finally {
      this.#listener = undefined;
    }
    return !isOwing();
  }

  /**
   * Asks once.
   * @param waitMs longest wait for the reply's first byte, beyond the request's time on the wire
   * @param pauseMs silence before the request, where the line's own is not enough
   * @throws AgentError when the line is gone; what the signal says
   */
  async ask(question: Question, waitMs: number, pauseMs = 0): Promise<Heard> {
    const needed = Math.max(interFrameMs(this.#wire), pauseMs);
    const silentMs = performance.now() - this.#lastTrafficMs;
    if (silentMs < needed) await this.#wait(needed - silentMs);
    const frame = frameOf(question);
    const begun = this.#mbap?.begin(frame, (reply) => take(reply), newLineStats());
    this.#receiver = begun?.receiver;
    let raw = Buffer.alloc(0);
    let firstByteAt: number | undefined;
    let lastByteAt = 0;
    const { promise: done, resolve: finish } = Promise.withResolvers<true>();
    const take = (bytes: Buffer) => {
      lastByteAt = performance.now();
      firstByteAt ??= lastByteAt;
      raw = Buffer.concat([raw, bytes]);
      const { kind, isByGateway } = readReply(frame, raw);
      if (kind === 'answer' || kind === 'exception' || isByGateway) finish(true);
    };
    this.#listener = begun ? (chunk) => begun.receiver.push(chunk) : take;
    const unasked = this.#unasked + this.#connection.drain();
    this.#unasked = 0;
    this.#connection.write(begun?.bytes ?? frame);
    const isNetwork = !this.isSerial;
    const sentAt = performance.now() + (isNetwork ? 0 : frame.length * characterMs(this.#wire));
    const replyMs = (5 + 2 * question.count) * characterMs(this.#wire);
    const firstByteBy = sentAt + waitMs;
    // Echo and glitches come before the reply: with them alone, the whole wait goes on.
    const isOver = () => {
      const now = performance.now();
      if (now < firstByteBy) return firstByteBy - now;
      const until = firstByteAt === undefined ? 0 : Math.min(lastByteAt + STALL_MS, firstByteBy + replyMs + STALL_MS);
      return until - now;
    };
    try {
      for (let leftMs = isOver(); leftMs > 0; leftMs = isOver()) {
        if (await this.#wait(leftMs, done)) break;
      }
    } finally {
      this.#listener = undefined;
      this.#lastTrafficMs = performance.now();
    }
    const since = (at: number | undefined) => (at === undefined ? undefined : Math.max(0, at - sentAt));
    // An echo comes before the meter's turnaround, and has the meter's reply with it.
    const isBurst = lastByteAt - (firstByteAt ?? 0) <= replyMs + STALL_MS;
    return {
      ...readReply(frame, raw, isBurst),
      raw,
      firstByteMs: since(firstByteAt),
      wholeMs: since(lastByteAt) ?? 0,
      unasked,
    };
  }

  /** Closes the port and leaves it set as it was. */
  async close(): Promise<void> {
    this.#onLost = undefined;
    // While the port is still ours: who waits for it, such as a collector, sets it as soon as it is free.
    if (this.#terminal) leave(this.#terminal);
    await this.#connection.close();
  }

  /** @returns true when `early` came before the time was over */
  async #wait(ms: number, early?: Promise<true>): Promise<boolean> {
    const { promise: lost, resolve } = Promise.withResolvers<false>();
    this.#onLost = () => resolve(false);
    let isEarly = false;
    if (!this.#lost) {
      const timer = new AbortController();
      const slept = sleep(ms, false as const, { signal: AbortSignal.any([this.#signal, timer.signal]) });
      try {
        const first: Promise<boolean>[] = early === undefined ? [slept, lost] : [slept, lost, early];
        isEarly = await Promise.race(first);
      } finally {
        slept.catch(() => {});
        timer.abort();
      }
    }
    if (!this.#lost) return isEarly;
    throw new AgentError('unavailable', `${this.name} was lost: ${messageOf(this.#lost)}`, {
      retryable: true,
      hint: 'check the adapter, its cable and its power',
      cause: this.#lost,
    });
  }
}

/** A descriptor of our own beside serialport's: the settings are the terminal's, not the descriptor's. */
function terminalOf(path: string): Terminal | undefined {
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    return { fd, saved: readTermios(fd) };
  } catch {
    // serialport meets the same, and has the sentence for it.
    return undefined;
  }
}

function setTerminal(fd: number, settings: TerminalSettings): void {
  const termios = readTermios(fd);
  if (termios) writeTermios(fd, withParityCheck(withSettings(termios, settings), settings.parity !== 'none'));
}

function leave({ fd, saved }: Terminal): void {
  if (saved) writeTermios(fd, saved);
  closeSync(fd);
}

/** The RTU frame of a read. */
export function frameOf({ unit, functionCode, address, count }: Question): Buffer {
  const frame = Buffer.alloc(6);
  frame.writeUInt8(unit, 0);
  frame.writeUInt8(functionCode, 1);
  frame.writeUInt16BE(address, 2);
  frame.writeUInt16BE(count, 4);
  return withCrc(frame);
}
