import { EventEmitter } from 'node:events';
import type { Connection } from './connection.ts';
import type { LineStats } from './line-stats.ts';
import type { Framing, ReceiveFault, Receiver } from './receiver.ts';

/**
 * The port under modbus-serial: takes request frames, emits `data` with one whole reply frame each. modbus-serial's own
 * ports keep bytes across requests and so answer a request with a late reply to another (facts: 3 wrong reads).
 */
export class FramedPort extends EventEmitter {
  isOpen = true;
  /** What was wrong with the last reply, beyond what modbus-serial can see in the frame. */
  fault: ReceiveFault;
  readonly #connection: Connection;
  readonly #framing: Framing;
  readonly #stats: LineStats;
  readonly #stallMs: number;
  #receiver: Receiver | undefined;
  #stallTimer: NodeJS.Timeout | undefined;
  /** A new port is waited for as if bytes had just come: what the line carries is unknown. */
  #lastByteMs = performance.now();
  #raw: Buffer[] = [];

  /** @param stallMs a reply whose bytes stop for this long is given up */
  constructor(connection: Connection, framing: Framing, stats: LineStats, stallMs: number) {
    super();
    this.#connection = connection;
    this.#framing = framing;
    this.#stats = stats;
    this.#stallMs = stallMs;
    connection.onData((chunk) => this.#receive(chunk));
  }

  /** modbus-serial's interface; the connection is open already. */
  open(callback: (error?: Error) => void): void {
    callback();
  }

  /** modbus-serial's interface. */
  close(callback?: (error?: Error) => void): void {
    this.isOpen = false;
    this.endTransaction();
    callback?.();
  }

  /** Sends one request; its reply comes as `data`. */
  write(request: Buffer): void {
    this.fault = undefined;
    this.#raw = [];
    const { bytes, receiver } = this.#framing.begin(Buffer.from(request), (frame) => this.#reply(frame), this.#stats);
    this.#receiver = receiver;
    this.#lastByteMs = performance.now();
    this.#connection.write(bytes);
  }

  /** From here on every byte is a stray one, until the next request. */
  endTransaction(): void {
    clearTimeout(this.#stallTimer);
    this.#receiver = undefined;
  }

  /** Bytes that come from here on are waited for as if some had just come: what the line carries is unknown. */
  hush(): void {
    this.#lastByteMs = performance.now();
  }

  /** Throws away what has come and was not handed over yet: between requests nobody asked for it. */
  drain(): void {
    const bytes = this.#connection.drain();
    if (bytes === 0) return;
    this.#stats.strayBytes += bytes;
    this.#lastByteMs = performance.now();
  }

  /** Milliseconds since anything was sent or received. */
  silentMs(): number {
    return performance.now() - this.#lastByteMs;
  }

  /** All bytes since the last request, for the log. */
  rawReply(): Buffer {
    return Buffer.concat(this.#raw);
  }

  #receive(chunk: Buffer): void {
    this.#lastByteMs = performance.now();
    if (!this.#receiver) {
      this.#stats.strayBytes += chunk.length;
      return;
    }
    this.#raw.push(chunk);
    clearTimeout(this.#stallTimer);
    this.#receiver.push(chunk);
    if (this.#receiver?.partial) this.#stallTimer = setTimeout(() => this.#stall(), this.#stallMs);
  }

  #stall(): void {
    if (!this.#receiver) return;
    this.fault = this.#receiver.stalled();
    // An empty frame makes modbus-serial reject the transaction now instead of at its deadline.
    this.#reply(Buffer.alloc(0));
  }

  #reply(frame: Buffer): void {
    this.endTransaction();
    this.emit('data', frame);
  }
}
