import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { PAGE_BYTES } from './page.ts';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES;
/** The last bit says in which byte order the checksums are computed. */
const MAGIC = 0x377f0682;

/** A page as a write-ahead file holds it. */
export interface Frame {
  page: number;
  /** Of the page's bytes, in the file. */
  offset: number;
  /** It is of a commit, and as it was written, like all before it. */
  isCommitted: boolean;
}

export interface Wal {
  /** Frames of the newest run, in the order in which they were written; all where that cannot be told. */
  frames: Frame[];
  /**
   * Frames of the newest run behind the first one whose checksum does not match, up to the last commit among them: SQLite
   * leaves them all out. Without a commit they are of a transaction that was rolled back.
   */
  cutOff: number;
}

/** What is in a write-ahead file (sqlite.org/fileformat2.html, "The Write-Ahead Log"); nothing when there is none. */
export function readWal(path: string): Wal {
  if (!existsSync(path)) return { frames: [], cutOff: 0 };
  const fd = openSync(path, 'r');
  try {
    return framesOf(fd, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

function framesOf(fd: number, size: number): Wal {
  const header = Buffer.alloc(HEADER_BYTES);
  readInto(fd, header, 0);
  const magic = header.readUInt32BE(0);
  const chain = new Chain(magic === MAGIC);
  chain.add(header.subarray(0, 24));
  const isHeader = (magic & ~1) === MAGIC && chain.matches(header, 24);
  let whole = isHeader;
  const frames: Frame[] = [];
  let committed = 0;
  let cutOff = 0;
  let unmatched = 0;
  const bytes = Buffer.alloc(FRAME_BYTES);
  for (let at = HEADER_BYTES; at + FRAME_BYTES <= size; at += FRAME_BYTES) {
    readInto(fd, bytes, at);
    const page = bytes.readUInt32BE(0);
    // Frames of earlier runs, which are in the database already, lie behind those of the newest.
    const isOfRun = bytes.compare(header, 16, 24, 8, 16) === 0;
    if (isHeader && !isOfRun) {
      whole = false;
      continue;
    }
    if (whole) {
      chain.add(bytes.subarray(0, 8));
      chain.add(bytes.subarray(FRAME_HEADER_BYTES));
      whole = chain.matches(bytes, 16);
    }
    if (!whole) unmatched++;
    if (page > 0) frames.push({ page, offset: at + FRAME_HEADER_BYTES, isCommitted: false });
    // The last page of a commit says how many the database has.
    const isCommit = bytes.readUInt32BE(4) > 0;
    if (whole && isCommit) committed = frames.length;
    if (!whole && isCommit) cutOff = unmatched;
  }
  for (const frame of frames.slice(0, committed)) frame.isCommitted = true;
  return { frames, cutOff };
}

/** A sector that the card does not give back reads as zeros, which match no checksum: the others are looked at all the same. */
function readInto(fd: number, bytes: Buffer, at: number): void {
  try {
    readSync(fd, bytes, 0, bytes.length, at);
  } catch {
    bytes.fill(0);
  }
}

/** The running checksum over a file's frames. */
class Chain {
  readonly #littleEndian: boolean;
  #a = 0;
  #b = 0;

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  add(bytes: Buffer): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 8) {
      this.#a = (this.#a + view.getUint32(at, this.#littleEndian) + this.#b) >>> 0;
      this.#b = (this.#b + view.getUint32(at + 4, this.#littleEndian) + this.#a) >>> 0;
    }
  }

  matches(bytes: Buffer, at: number): boolean {
    return bytes.readUInt32BE(at) === this.#a && bytes.readUInt32BE(at + 4) === this.#b;
  }
}
