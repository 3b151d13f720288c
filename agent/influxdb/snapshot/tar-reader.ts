import { BrokenAnswer, saidInstead } from './broken-answer.ts';
import { ByteReader } from './byte-reader.ts';

export const BLOCK_BYTES = 512;
const PIECE_BYTES = 65_536;
const PAX_BYTES = 65_536;

/** What a tar says of an entry. */
export interface TarHeader {
  name: string;
  type: 'file' | 'directory';
  /** Permissions. */
  mode: number;
  /** UTC seconds since 1970. */
  mtimeS: number;
  /** Bytes. */
  size: number;
}

export interface TarEntry extends TarHeader {
  content: AsyncGenerator<Buffer>;
}

/**
 * The entries of a tar (POSIX ustar, with pax extensions) one after the other: what of one is not taken is passed over.
 * Stricter than tar programs are: both end blocks have to be there, and nothing behind them, since InfluxDB ends a tar
 * properly also where it could not read on.
 * @throws BrokenAnswer where it is cut off or damaged
 */
export async function* readTar(body: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(body);
  let pax: Map<string, string> | undefined;
  try {
    for (;;) {
      const block = await reader.take(BLOCK_BYTES);
      if (block.length < BLOCK_BYTES) throw new BrokenAnswer(`the tar has no end${saidInstead(block)}`);
      if (isZero(block)) break;
      const { kind, ...header } = decodeHeader(block);
      if (kind === 'x') {
        pax = await readPax(reader, header.size);
        continue;
      }
      const type = typeOf(kind);
      const entry = { ...withPax(header, pax), type };
      pax = undefined;
      const left = remainderOf(entry.size);
      yield { ...entry, content: contentOf(reader, entry.name, left) };
      await passOver(reader, entry.name, left);
    }
    const last = await reader.take(BLOCK_BYTES);
    if (last.length < BLOCK_BYTES || !isZero(last))
      throw new BrokenAnswer(`the tar has half an end${saidInstead(last)}`);
    const behind = await reader.take(BLOCK_BYTES);
    if (behind.length > 0) throw new BrokenAnswer(`something follows the tar${saidInstead(behind)}`);
  } finally {
    await reader.close();
  }
}

/** What of an entry has not been taken yet, with the padding behind it. */
interface Remainder {
  content: number;
  padding: number;
}

const remainderOf = (size: number): Remainder => ({
  content: size,
  padding: (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES,
});

async function* contentOf(reader: ByteReader, name: string, left: Remainder): AsyncGenerator<Buffer> {
  while (left.content > 0) {
    const piece = await reader.some(Math.min(PIECE_BYTES, left.content));
    if (piece.length === 0) throw new BrokenAnswer(`the tar is cut off in ${name}`);
    left.content -= piece.length;
    yield piece;
  }
}

async function passOver(reader: ByteReader, name: string, left: Remainder): Promise<void> {
  for await (const _ of contentOf(reader, name, left));
  const { length } = await reader.take(left.padding);
  if (length < left.padding) throw new BrokenAnswer(`the tar is cut off behind ${name}`);
}

function decodeHeader(block: Buffer): Omit<TarHeader, 'type'> & { kind: string } {
  const text = (at: number, length: number) => {
    const field = block.subarray(at, at + length);
    const end = field.indexOf(0);
    return field.toString('utf8', 0, end < 0 ? length : end);
  };
  const octal = (at: number, length: number) => {
    const digits = text(at, length).trim();
    if (!/^[0-7]*$/.test(digits)) throw new BrokenAnswer(`a header of the tar is damaged${saidInstead(block)}`);
    return Number.parseInt(digits || '0', 8);
  };
  let sum = 8 * 0x20;
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte;
  if (sum !== octal(148, 8)) throw new BrokenAnswer(`a header of the tar is damaged${saidInstead(block)}`);
  const prefix = text(257, 5) === 'ustar' ? text(345, 155) : '';
  return {
    name: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    mode: octal(100, 8),
    mtimeS: octal(136, 12),
    size: octal(124, 12),
    kind: String.fromCharCode(block[156] ?? 0),
  };
}

function typeOf(kind: string): TarHeader['type'] {
  if (kind === '0' || kind === '\0') return 'file';
  if (kind === '5') return 'directory';
  throw new BrokenAnswer('the tar has an entry that is neither file nor directory');
}

/** Records `LENGTH KEY=VALUE\n`, for what does not fit into the header of the entry behind them. */
async function readPax(reader: ByteReader, size: number): Promise<Map<string, string>> {
  if (size > PAX_BYTES) throw new BrokenAnswer('a header of the tar is too long');
  const pieces: Buffer[] = [];
  const left = remainderOf(size);
  for await (const piece of contentOf(reader, 'a header', left)) pieces.push(piece);
  await passOver(reader, 'a header', left);
  const records = new Map<string, string>();
  for (let rest = Buffer.concat(pieces); rest.length > 0; ) {
    const [, digits] = /^(\d{1,5}) /.exec(rest.toString('latin1', 0, 6)) ?? [];
    const length = Number(digits);
    const [, key, value] = /^\d+ ([^=]+)=(.*)\n$/s.exec(rest.toString('utf8', 0, length)) ?? [];
    if (key === undefined || value === undefined) throw new BrokenAnswer('a header of the tar is damaged');
    records.set(key, value);
    rest = rest.subarray(length);
  }
  return records;
}

function withPax<T extends Omit<TarHeader, 'type'>>(header: T, pax: Map<string, string> | undefined): T {
  const size = Number(pax?.get('size') ?? header.size);
  const mtimeS = Math.floor(Number(pax?.get('mtime') ?? header.mtimeS));
  if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(mtimeS)) {
    throw new BrokenAnswer('a header of the tar is damaged');
  }
  return { ...header, name: pax?.get('path') ?? header.name, size, mtimeS };
}

const isZero = (block: Buffer): boolean => block.every((byte) => byte === 0);
