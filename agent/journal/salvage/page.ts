import { readVarint } from './record.ts';

/** Of every journal: SQLite's default, which the pinned Node has. */
export const PAGE_BYTES = 4096;
/** The file's header is on its first page. */
const FILE_HEADER_BYTES = 100;

const TABLE_LEAF = 0x0d;
const TABLE_INTERIOR = 0x05;
const INDEX_LEAF = 0x0a;
const INDEX_INTERIOR = 0x02;

/** Longest content in a page of its own, by kind (sqlite.org/fileformat2.html, "B-tree Pages"). */
const MOST_IN_TABLE = PAGE_BYTES - 35;
const MOST_IN_INDEX = Math.floor(((PAGE_BYTES - 12) * 64) / 255) - 23;
const LEAST_LOCAL = Math.floor(((PAGE_BYTES - 12) * 32) / 255) - 23;
/** More than the longest line in quarantine. */
const LONGEST_PAYLOAD = 1_000_000;

export interface Cell {
  /** Undefined in a tree without rowids. */
  rowid: number | undefined;
  /** A record (record.ts). */
  payload: Buffer;
}

export interface PageContent {
  cells: Cell[];
  /** Cells that cannot be read. */
  damaged: number;
  /** Is it a page of a tree? Others are free, hold what did not fit elsewhere, or are damaged. */
  isTree: boolean;
}

/**
 * The records of one page of a database file, whether its tree can still be walked or not.
 * @param bytes the page
 * @param number of it, from 1
 * @param overflow finds the pages on which long records go on
 */
export function readPage(bytes: Buffer, number: number, overflow: (page: number) => Buffer | undefined): PageContent {
  const start = number === 1 ? FILE_HEADER_BYTES : 0;
  const type = bytes[start];
  const content: PageContent = { cells: [], damaged: 0, isTree: true };
  if (type === TABLE_INTERIOR) return content;
  if (type !== TABLE_LEAF && type !== INDEX_LEAF && type !== INDEX_INTERIOR) return { ...content, isTree: false };
  const count = bytes.readUInt16BE(start + 3);
  const pointers = start + (type === INDEX_INTERIOR ? 12 : 8);
  const contentStart = pointers + count * 2;
  // A count that cannot be: what its pointers may point to is looked at nevertheless, as far as there are such.
  const readable = Math.min(count, Math.floor((PAGE_BYTES - pointers) / 2));
  const seen = new Set<number>();
  for (let i = 0; i < readable; i++) {
    const at = bytes.readUInt16BE(pointers + i * 2);
    const isPlace = at >= pointers && at < PAGE_BYTES && !seen.has(at);
    seen.add(at);
    const cell = isPlace ? readCell(bytes, at, type, overflow) : undefined;
    if (cell) content.cells.push(cell);
    else content.damaged++;
  }
  if (contentStart > PAGE_BYTES) content.damaged++;
  return content;
}

function readCell(
  bytes: Buffer,
  at: number,
  type: number,
  overflow: (page: number) => Buffer | undefined,
): Cell | undefined {
  const begin = type === INDEX_INTERIOR ? at + 4 : at;
  const { value: length, next: afterLength } = readVarint(bytes, begin);
  if (!(length >= 2 && length <= LONGEST_PAYLOAD)) return undefined;
  const isTable = type === TABLE_LEAF;
  const { value: rowid, next } = isTable ? readVarint(bytes, afterLength) : { value: undefined, next: afterLength };
  if (Number.isNaN(rowid)) return undefined;
  const local = localBytes(length, isTable ? MOST_IN_TABLE : MOST_IN_INDEX);
  const end = next + local;
  if (end + (local < length ? 4 : 0) > PAGE_BYTES) return undefined;
  const here = bytes.subarray(next, end);
  const payload = local === length ? here : joined(here, length, bytes.readUInt32BE(end), overflow);
  return payload && { rowid, payload };
}

function localBytes(length: number, most: number): number {
  if (length <= most) return length;
  const wanted = LEAST_LOCAL + ((length - LEAST_LOCAL) % (PAGE_BYTES - 4));
  return wanted <= most ? wanted : LEAST_LOCAL;
}

function joined(
  here: Buffer,
  length: number,
  first: number,
  overflow: (page: number) => Buffer | undefined,
): Buffer | undefined {
  const parts = [here];
  let left = length - here.length;
  for (let page = first; left > 0; ) {
    const bytes = overflow(page);
    if (!bytes) return undefined;
    const part = bytes.subarray(4, 4 + Math.min(left, PAGE_BYTES - 4));
    parts.push(part);
    left -= part.length;
    page = bytes.readUInt32BE(0);
  }
  return Buffer.concat(parts);
}
