import { characterMs, interFrameMs, type Wire } from '../modbus/connection.ts';
import { crcMatches } from '../modbus/crc.ts';
import type { Fault, FaultRates } from './fault-names.ts';
import { applyFaults } from './faults.ts';
import type { Random } from './random.ts';
import type { Slave } from './slave.ts';
import { requestLength } from './slave-writes.ts';
import { type ByteStream, type Temper, TemperedStream } from './tempered-stream.ts';

export interface RtuEndpointOptions {
  slave: Pick<Slave, 'serve'>;
  random: Random;
  faults?: FaultRates;
  /** How the line behaves besides. */
  temper?: Temper;
  /** The line whose pace is kept; undefined answers at once. */
  wire?: Wire;
  /**
   * Between the end of a request and the start of its reply, of each unit where they differ; 3.5 characters, the least the
   * standard allows, by default.
   */
  turnaroundMs?: number | ((unit: number) => number | undefined);
  /** USB adapters deliver in steps of their latency timer; 16 ms is the FTDI's default. */
  adapterStepMs?: number;
  /** Multiplies the times of faults. */
  timeScale?: number;
  now?: () => number;
  onFault?: (fault: Fault) => void;
  onUnplug?: (afterMs: number, forMs: number) => void;
}

/** For good, as tests are concerned. */
const LONG_MS = 3_600_000;

export function turnaroundOf({ turnaroundMs }: RtuEndpointOptions, unit: number): number | undefined {
  return typeof turnaroundMs === 'function' ? turnaroundMs(unit) : turnaroundMs;
}

/** Requests whose bytes pause this long are given up, as the standard's 1.5 characters would on a real line. */
const REQUEST_PAUSE_MS = 50;

/** A slave at a serial line: cuts requests from the bytes, answers at the line's pace, with the faults asked for. */
export class RtuEndpoint {
  readonly #stream: TemperedStream;
  readonly #options: RtuEndpointOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  #buffered = Buffer.alloc(0);
  #firstByteMs = 0;
  #lastByteMs = 0;
  /** When the line is free again: frames of the meter's side never overlap. */
  #busyUntilMs = 0;

  constructor(stream: ByteStream, options: RtuEndpointOptions) {
    this.#stream = new TemperedStream(stream, options.temper ?? {}, options.random);
    this.#options = options;
    this.#stream.onData((chunk) => this.#receive(chunk));
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#stream.stop();
  }

  #receive(chunk: Buffer): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastByteMs > REQUEST_PAUSE_MS) this.#buffered = Buffer.alloc(0);
    if (this.#buffered.length === 0) this.#firstByteMs = nowMs;
    this.#lastByteMs = nowMs;
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    for (;;) {
      const length = requestLength(this.#buffered);
      if (length === undefined || this.#buffered.length < length) return;
      const request = this.#buffered.subarray(0, length);
      if (crcMatches(request)) {
        this.#buffered = this.#buffered.subarray(length);
        this.#serve(Buffer.from(request));
      } else this.#buffered = this.#buffered.subarray(1);
    }
  }

  #serve(request: Buffer): void {
    const { slave, random, faults, wire, timeScale, onFault, onUnplug } = this.#options;
    const answer = slave.serve(request, (this.#options.now ?? Date.now)());
    if (answer?.unplug) onUnplug?.(0, LONG_MS);
    if (!answer?.reply) return;
    const { reply, lateMs = 0 } = answer;
    const result = applyFaults(request, reply, faults ?? {}, random, timeScale);
    for (const fault of result.applied) onFault?.(fault);
    if (result.unplug) onUnplug?.(result.unplug.afterMs, result.unplug.forMs);
    const character = wire ? characterMs(wire) : 0;
    const turnaroundMs = turnaroundOf(this.#options, request.readUInt8(0)) ?? (wire ? interFrameMs(wire) : 0);
    const normalMs = this.#firstByteMs + request.length * character + turnaroundMs + lateMs;
    for (const { bytes, delayMs } of result.emissions)
      this.#later(normalMs + delayMs, () => this.#emit(bytes, normalMs + delayMs));
  }

  #emit(bytes: Buffer, dueMs: number): void {
    const { wire, adapterStepMs } = this.#options;
    if (!wire) {
      this.#stream.write(bytes);
      return;
    }
    const character = characterMs(wire);
    const stepMs = adapterStepMs ?? 16;
    const startMs = Math.max(dueMs, this.#busyUntilMs);
    const endMs = startMs + bytes.length * character;
    this.#busyUntilMs = endMs;
    let sent = 0;
    for (let stepEndMs = startMs + stepMs; sent < bytes.length; stepEndMs += stepMs) {
      const atMs = Math.min(stepEndMs, endMs);
      const until = atMs === endMs ? bytes.length : Math.floor((atMs - startMs) / character);
      if (until === sent) continue;
      const part = bytes.subarray(sent, until);
      sent = until;
      this.#later(atMs, () => this.#stream.write(part));
    }
  }

  #later(atMs: number, action: () => void): void {
    const waitMs = atMs - performance.now();
    if (waitMs <= 0) {
      action();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, waitMs);
    this.#timers.add(timer);
  }
}
