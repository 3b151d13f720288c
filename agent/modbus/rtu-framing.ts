import { ByteLengthParser } from '@serialport/parser-byte-length';
import { crcMatches } from './crc.ts';
import type { LineStats } from './line-stats.ts';
import type { Framing, ReceiveFault, Receiver } from './receiver.ts';

const EXCEPTION_LENGTH = 5;
const WRITE_REPLY_LENGTH = 8;
const WRITE = 16;
/** Functions whose replies are understood. */
const KNOWN = new Set([3, 4, WRITE]);

/**
 * Finds the reply to one read or write in what the line delivers. Bytes before a fitting header (of a read unit, function
 * and byte count, of a write unit, function, address and count) are skipped and counted: a glitch at the turnaround, our
 * own echo, or a late reply of another length. The body is cut by a ByteLengthParser of its own, since its length is fixed
 * for its life.
 */
class RtuReceiver implements Receiver {
  readonly #request: Buffer;
  readonly #header: Buffer;
  readonly #length: number;
  readonly #onReply: (frame: Buffer) => void;
  readonly #stats: LineStats;
  #head = Buffer.alloc(0);
  #body: ByteLengthParser | undefined;
  #bodyBytes = 0;
  #skipped = 0;
  #done = false;

  constructor(request: Buffer, onReply: (frame: Buffer) => void, stats: LineStats) {
    const registers = request.readUInt16BE(4);
    const isWrite = request[1] === WRITE;
    this.#request = request;
    this.#header = isWrite
      ? request.subarray(0, 6)
      : Buffer.from([request.readUInt8(0), request.readUInt8(1), registers * 2]);
    this.#length = isWrite ? WRITE_REPLY_LENGTH : EXCEPTION_LENGTH + registers * 2;
    this.#onReply = onReply;
    this.#stats = stats;
  }

  get partial(): boolean {
    return !this.#done && (this.#bodyBytes > 0 || this.#head.length > 0 || this.#skipped > 0);
  }

  stalled(): ReceiveFault {
    return this.#bodyBytes > 0 ? 'truncated' : 'noise';
  }

  push(chunk: Buffer): void {
    if (this.#done) {
      this.#stats.strayBytes += chunk.length;
      return;
    }
    if (this.#body) {
      this.#feed(this.#body, chunk);
      return;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    while (this.#head.length > 0 && !this.#done) {
      if (this.#mayBecomeEcho()) return;
      if (this.#startsWith(this.#header) && !this.#startsWith(this.#request)) {
        this.#startBody();
        return;
      }
      if (this.#startsWith(this.#request)) {
        this.#head = this.#head.subarray(this.#request.length);
        this.#stats.echoes++;
        continue;
      }
      if (this.#isException()) {
        this.#finish(this.#head.subarray(0, EXCEPTION_LENGTH), this.#head.length - EXCEPTION_LENGTH);
        return;
      }
      if (this.#mayBecomeFrame()) return;
      this.#head = this.#head.subarray(1);
      this.#skipped++;
      this.#stats.strayBytes++;
    }
  }

  #startsWith(prefix: Buffer): boolean {
    return this.#head.length >= prefix.length && this.#head.subarray(0, prefix.length).equals(prefix);
  }

  #isException(): boolean {
    return (
      this.#head.length >= EXCEPTION_LENGTH &&
      this.#head[0] === this.#header[0] &&
      this.#head[1] === ((this.#header[1] ?? 0) | 0x80) &&
      crcMatches(this.#head.subarray(0, EXCEPTION_LENGTH))
    );
  }

  /** The reply to a write begins as its request does; only its checksum tells them apart. */
  #mayBecomeEcho(): boolean {
    const head = this.#head;
    const isPart = head.length < this.#request.length && this.#request.subarray(0, head.length).equals(head);
    if (!isPart || !this.#startsWith(this.#header)) return false;
    return head.length < WRITE_REPLY_LENGTH || !crcMatches(head.subarray(0, WRITE_REPLY_LENGTH));
  }

  /** Too few bytes to tell: the head is still a prefix of a reply, of our echo, or of an exception. */
  #mayBecomeFrame(): boolean {
    const head = this.#head;
    const isPrefixOf = (whole: Buffer) => head.length < whole.length && whole.subarray(0, head.length).equals(head);
    if (isPrefixOf(this.#header) || isPrefixOf(this.#request)) return true;
    const exceptionCode = (this.#header[1] ?? 0) | 0x80;
    return (
      head.length < EXCEPTION_LENGTH && head[0] === this.#header[0] && (head.length < 2 || head[1] === exceptionCode)
    );
  }

  #startBody(): void {
    const parser = new ByteLengthParser({ length: this.#length });
    const bytes = this.#head;
    this.#head = Buffer.alloc(0);
    this.#body = parser;
    parser.on('data', (frame: Buffer) => this.#finish(frame, this.#bodyBytes - this.#length));
    this.#feed(parser, bytes);
  }

  #feed(parser: ByteLengthParser, chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    parser.write(chunk);
  }

  #finish(frame: Buffer, surplus: number): void {
    if (this.#done) return;
    this.#done = true;
    this.#stats.strayBytes += surplus;
    this.#onReply(frame);
  }
}

/** Of a maker's own function nobody knows how long its reply is: nothing of what comes is one. */
const DEAF: Receiver = { push: () => {}, stalled: () => undefined, partial: false };

export const rtuFraming: Framing = {
  identifiesReplies: false,
  begin: (request, onReply, stats) => ({
    bytes: request,
    receiver: KNOWN.has(request[1] ?? 0) ? new RtuReceiver(request, onReply, stats) : DEAF,
  }),
};
