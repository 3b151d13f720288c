import { withCrc } from '../modbus/crc.ts';
import type { TerminalSettings } from '../system/termios.ts';
import type { Random } from './random.ts';

/** The meter's end of a byte stream. */
export interface ByteStream {
  onData(listener: (chunk: Buffer) => void): void;
  write(bytes: Buffer): void;
  /** How the reader has set its end, where that can be known. */
  reader?(): TerminalSettings | undefined;
  /** Lets nothing out of the reader's end any more. */
  jam?(): void;
}

/** How a line behaves between reader and meter. */
export interface Temper {
  /** The meter never answers. */
  isMute?: true;
  /** The reader receives 0x00 whenever nobody drives the line. */
  hasBreaks?: true;
  /** Chance of each byte of a reply to be damaged. */
  byteErrors?: number;
  /** Bytes out of nowhere. */
  straysPerSecond?: number;
  /** Somebody else asks somebody else, again and again. */
  hasOtherMaster?: true;
  /** The reader receives what it sends. */
  echoes?: true;
  /** The reader's adapter takes nothing. */
  isJammed?: true;
  /** How the meter is set: it hears only a reader that is set alike. Without it, any. */
  set?: TerminalSettings;
  /** It hears a reader of any parity; a reader that checks parity gets damaged bytes. */
  ignoresParity?: true;
}

const BREAK_AFTER_MS = 6;
const OTHER_MASTER_MS = 220;
const OTHER_REQUEST = withCrc(Buffer.from([3, 3, 0x01, 0x30, 0x00, 0x01]));
const OTHER_REPLY = withCrc(Buffer.from([3, 3, 2, 0x13, 0x88]));

const onesIn = (byte: number) => byte.toString(2).replaceAll('0', '').length;

/** Is the parity bit that follows the byte what the reader expects? Without parity the meter's line is high there. */
function fitsParity(byte: number, meter: TerminalSettings['parity'], reader: TerminalSettings['parity']): boolean {
  if (reader === 'none' || reader === meter) return true;
  return meter === 'none' && (onesIn(byte) % 2 === 1) === (reader === 'even');
}

/** A byte stream with a temper; the stream itself where it has none. */
export class TemperedStream implements ByteStream {
  readonly #stream: ByteStream;
  readonly #temper: Temper;
  readonly #random: Random;
  readonly #timers: NodeJS.Timeout[] = [];
  #breakTimer: NodeJS.Timeout | undefined;

  constructor(stream: ByteStream, temper: Temper, random: Random) {
    this.#stream = stream;
    this.#temper = temper;
    this.#random = random;
    if (temper.isJammed) stream.jam?.();
    if (temper.straysPerSecond) {
      this.#every(1000 / temper.straysPerSecond, () => stream.write(Buffer.from([this.#byte()])));
    }
    if (temper.hasOtherMaster) {
      this.#every(OTHER_MASTER_MS, () => stream.write(Buffer.concat([OTHER_REQUEST, OTHER_REPLY])));
    }
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#stream.onData((chunk) => {
      if (this.#temper.echoes) this.#stream.write(chunk);
      if (this.#temper.hasBreaks) this.#breakSoon();
      if (!this.#temper.isMute && this.#isHeard()) listener(chunk);
    });
  }

  write(bytes: Buffer): void {
    const { byteErrors = 0, set } = this.#temper;
    const reader = this.#stream.reader?.();
    // Bytes at another rate are other bytes, or none.
    if (set && reader && reader.baudRate !== set.baudRate) return;
    const damaged = bytes.map((byte) => {
      if (set && reader && !fitsParity(byte, set.parity, reader.parity)) return 0;
      return this.#random() < byteErrors ? byte ^ (1 << Math.floor(this.#random() * 8)) : byte;
    });
    this.#stream.write(Buffer.from(damaged));
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#breakTimer);
  }

  #every(ms: number, action: () => void): void {
    this.#timers.push(setInterval(action, ms));
  }

  #breakSoon(): void {
    clearTimeout(this.#breakTimer);
    this.#breakTimer = setTimeout(() => this.#stream.write(Buffer.from([0])), BREAK_AFTER_MS);
  }

  #byte(): number {
    return Math.floor(this.#random() * 256);
  }

  #isHeard(): boolean {
    const { set, ignoresParity } = this.#temper;
    const reader = this.#stream.reader?.();
    if (!set || !reader) return true;
    return reader.baudRate === set.baudRate && (ignoresParity === true || reader.parity === set.parity);
  }
}
