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

  /** The whole frames of a spool file; a torn one ends them. Generation 0 when there is nothing. */
  static read(path: string): SpoolContent {
    const content: SpoolContent = { generation: 0, batches: [], end: 0 };
    const file = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    for (let offset = 0; offset + HEADER_BYTES <= file.length; ) {
      const length = HEADER_BYTES + file.readUInt32LE(offset + 8);
      const frame = file.subarray(offset, offset + length);
      if (frame.readUInt32LE(0) !== MAGIC || frame.length < length || frame.readUInt32LE(12) !== checksum(frame)) break;
      const generation = frame.readUInt32LE(4);
      if (offset > 0 && generation !== content.generation) break;
      content.generation = generation;
      const batch = unpackBatch(frame.subarray(HEADER_BYTES));
      if (!batch) break;
      content.batches.push(batch);
      offset += pagesOf(length);
      content.end = offset;
    }
    return content;
  }
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
