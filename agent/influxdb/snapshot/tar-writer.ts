import { AgentError } from '../../system/errors.ts';
import { BLOCK_BYTES, type TarHeader } from './tar-reader.ts';

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
const LARGEST_BYTES = 8 ** 11 - 1;

/** An entry to write. Its content is asked for when its turn comes. */
export interface TarInput {
  header: TarHeader;
  content: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * A tar (POSIX ustar) with its end blocks, as `POST /api/v2/restore/shards/{id}` takes it.
 * @throws AgentError where a content has another length than its header says: the server would swallow that error
 */
export async function* writeTar(entries: AsyncIterable<TarInput> | Iterable<TarInput>): AsyncGenerator<Uint8Array> {
  for await (const { header, content } of entries) {
    yield tarHeader(header);
    let bytes = 0;
    for await (const piece of header.type === 'file' ? content() : []) {
      bytes += piece.length;
      yield piece;
    }
    if (bytes !== header.size) {
      throw new AgentError('storage', `${header.name} has ${bytes} bytes instead of ${header.size}`);
    }
    yield Buffer.alloc((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES);
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function tarHeader({ name, type, mode, mtimeS, size }: TarHeader): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const { base, prefix } = splitName(name);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  if (size > LARGEST_BYTES) throw new AgentError('storage', `${name} is too large for a tar`);
  block.write(base, 0);
  octal(mode & 0o7777, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(Math.max(0, mtimeS), 136, 12);
  block.write('        ', 148);
  block.write(type === 'file' ? '0' : '5', 156);
  block.write('ustar\x0000', 257, 'latin1');
  octal(0, 329, 8);
  octal(0, 337, 8);
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A long name goes into two fields, cut at a slash. */
function splitName(name: string): { base: string; prefix: string } {
  if (Buffer.byteLength(name) <= NAME_BYTES) return { base: name, prefix: '' };
  for (let cut = name.indexOf('/'); cut >= 0; cut = name.indexOf('/', cut + 1)) {
    const [prefix, base] = [name.slice(0, cut), name.slice(cut + 1)];
    if (Buffer.byteLength(base) <= NAME_BYTES && Buffer.byteLength(prefix) <= PREFIX_BYTES && base !== '') {
      return { base, prefix };
    }
  }
  throw new AgentError('storage', `${name} is too long a name for a tar`);
}
