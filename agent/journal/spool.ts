import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { packBatch, unpackBatch } from './batch.ts';
import type { Entry } from './entry.ts';

export const SPOOL_NAME = 'journal.spool';
/** Key in `state`: the newest generation whose frames are all in the database. */
export const SPOOL_GENERATION_KEY = 'spoolGeneration';

/** A frame begins on a page of its own: a write that a power cut tears never touches what was durable before. */
const PAGE_BYTES = 4096;
/** Ten minutes of flushes each 10 s. The file never grows: writing it needs no free space and no metadata. */
const SPOOL_BYTES = 64 * PAGE_BYTES;
/** Magic, generation, payload's length, CRC-32 of these and the payload; each a little-endian uint32. */
const HEADER_BYTES = 16;
const MAGIC = 0x534d4531;

/** What a spool file holds: the flushes of its newest generation, in order. */
export interface SpoolContent {
  generation: number;
  batches: Entry[][];
  /** Where the next frame of this generation can begin. */
  end: number;
  /** A frame of this generation is missing before others of it. */
  isDamaged: boolean;
  /** The flushes of all generations that the database has not: those above the newest that is committed. */
  after(committed: number): Entry[][];
}

/**
 * Flushed entries on the card that the database does not have yet: one page and one sync a flush, where an SQLite commit
 * writes four (npm run bench). A frame is one flush: header, then a batch (batch.ts). Frames of one generation follow one
 * another from the file's beginning; once they are in the database, the next generation is written over them.
 */
export class Spool {
  readonly #path: string;
  #fd: number | undefined;
  #generation: number;
  #offset: number;

  /** @param place a generation above that of any frame in the file, from its beginning; or what is there, to go on behind it */
  constructor(path: string, place: Pick<SpoolContent, 'generation' | 'end'>) {
    this.#path = path;
    this.#generation = place.generation;
    this.#offset = place.end;
  }

  get generation(): number {
    return this.#generation;
  }

  /**
   * Writes one flush and syncs it.
   * @returns false when it does not fit behind the others; nothing is written then
   */
  append(entries: readonly Entry[]): boolean {
    const payload = packBatch(entries);
    const length = HEADER_BYTES + payload.length;
    if (this.#offset + length > SPOOL_BYTES) return false;
    const frame = Buffer.alloc(length);
    frame.writeUInt32LE(MAGIC, 0);
    frame.writeUInt32LE(this.#generation, 4);
    frame.writeUInt32LE(payload.length, 8);
    frame.set(payload, HEADER_BYTES);
    frame.writeUInt32LE(checksum(frame), 12);
    // Made with the first flush: until then the collector has its first reading to take.
    this.#fd ??= openSpool(this.#path);
    const written = writeSync(this.#fd, frame, 0, length, this.#offset);
    if (written !== length) throw new Error(`only ${written} of ${length} bytes were written`);
    fdatasyncSync(this.#fd);
    this.#offset += pagesOf(length);
    return true;
  }

  /** Everything in it is in the database: the next frame begins a new generation. */
  restart(): void {
    this.#generation += 1;
    this.#offset = 0;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  /** The whole frames of a spool file; a damaged one costs itself alone. Generation 0 when there is nothing. */
  static read(path: string): SpoolContent {
    const frames = framesOf(existsSync(path) ? readFileSync(path) : Buffer.alloc(0));
    const generation = frames.reduce((newest, frame) => Math.max(newest, frame.generation), 0);
    const newest = frames.filter((frame) => frame.generation === generation);
    return {
      generation,
      batches: newest.map(({ batch }) => batch),
      end: newest.at(-1)?.end ?? 0,
      isDamaged: newest.some(({ offset }, i) => i > 0 && newest[i - 1]?.end !== offset),
      after: (committed) =>
        frames
          .filter((frame) => frame.generation > committed)
          .sort((a, b) => a.generation - b.generation || a.offset - b.offset)
          .map(({ batch }) => batch),
    };
  }
}

interface Frame {
  generation: number;
  offset: number;
  end: number;
  batch: Entry[];
}

function framesOf(file: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let offset = 0; offset + HEADER_BYTES <= file.length; ) {
    const frame = frameAt(file, offset);
    if (frame) frames.push(frame);
    offset = frame?.end ?? offset + PAGE_BYTES;
  }
  return frames;
}

function frameAt(file: Buffer, offset: number): Frame | undefined {
  const length = HEADER_BYTES + file.readUInt32LE(offset + 8);
  const frame = file.subarray(offset, offset + length);
  if (frame.readUInt32LE(0) !== MAGIC || frame.length < length || frame.readUInt32LE(12) !== checksum(frame)) return;
  const batch = unpackBatch(frame.subarray(HEADER_BYTES));
  return batch && { generation: frame.readUInt32LE(4), offset, end: offset + pagesOf(length), batch };
}

/** Opens the file, in its full size. @throws when there is no space for it; the next flush tries again */
function openSpool(path: string): number {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o640);
  try {
    if (fstatSync(fd).size < SPOOL_BYTES) fill(fd, path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function fill(fd: number, path: string): void {
  // Page by page: written at once, ext4 (Linux 6.18) keeps it as one folio and counts all of it at each flush.
  const empty = Buffer.alloc(PAGE_BYTES);
  for (let offset = 0; offset < SPOOL_BYTES; offset += PAGE_BYTES) writeSync(fd, empty, 0, PAGE_BYTES, offset);
  fsyncSync(fd);
  const directory = openSync(dirname(path), constants.O_RDONLY);
  fsyncSync(directory);
  closeSync(directory);
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** Over the frame without the checksum itself. */
function checksum(frame: Buffer): number {
  return crc32(frame.subarray(HEADER_BYTES), crc32(frame.subarray(0, 12)));
}
