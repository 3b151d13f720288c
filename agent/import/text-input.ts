import {
  closeSync,
  constants,
  createReadStream,
  open,
  openSync,
  type ReadStream,
  realpathSync,
  statSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import { isStop } from './stopped.ts';

/** A file, a pipe or standard input, as a stream of unpacked bytes. */
export interface TextInput {
  name: string;
  identity: Readonly<Record<string, unknown>> | undefined;
  /** Its beginning, as far as is needed to tell what it is. */
  head: Buffer;
  /** Everything from a byte on. What has no identity can be read once only, from its beginning. */
  chunks(fromByte: number): AsyncGenerator<Buffer>;
  /** Share that was read, 0 to 1; undefined where the size is not known. */
  share(): number | undefined;
}

const HEAD_BYTES = 256_000;
const CHUNK_BYTES = 64 * 1024;
const RELEASE_MS = 20;

/**
 * @param path of a file or named pipe, which may be packed with gzip; `-` is standard input
 * @param signal ends waiting for what does not come
 * @throws AgentError; the signal's reason when aborted
 */
export async function openInput(path: string, signal?: AbortSignal): Promise<TextInput> {
  if (path === '-') return pipeInput('standard input', process.stdin, false, signal);
  const packed = path.toLowerCase().endsWith('.gz');
  const stat = guarded(path, () => statSync(path));
  if (stat.isDirectory()) {
    throw new AgentError('usage', `${path} is a directory`, { hint: `name its files, such as ${path}/*.lp` });
  }
  if (stat.isFile()) return fileInput(path, packed);
  return pipeInput(path, stat.isFIFO() ? await fifo(path, signal) : createReadStream(path), packed, signal);
}

async function fileInput(path: string, packed: boolean): Promise<TextInput> {
  const { size, mtimeMs, identityPath } = guarded(path, () => ({
    ...statSync(path),
    identityPath: realpathSync(path),
  }));
  let raw: ReadStream | undefined;
  let rawStart = 0;
  const chunks = async function* (fromByte: number): AsyncGenerator<Buffer> {
    rawStart = packed ? 0 : fromByte;
    const file = createReadStream(path, { start: rawStart, highWaterMark: CHUNK_BYTES });
    raw = file;
    try {
      yield* guardedChunks(path, packed ? skipped(unpacked(file), fromByte) : file);
    } finally {
      file.destroy();
    }
  };
  return {
    name: path,
    identity: { path: identityPath, size, mtimeMs },
    head: await headOf(chunks(0)),
    chunks,
    share: () => (size === 0 ? 1 : Math.min(1, (rawStart + (raw?.bytesRead ?? 0)) / size)),
  };
}

async function* unpacked(file: Readable): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  file.on('error', (error) => gunzip.destroy(error));
  yield* file.pipe(gunzip);
}

async function* skipped(chunks: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const chunk of chunks) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

async function headOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= HEAD_BYTES) break;
  }
  return Buffer.concat(parts);
}

/** A named pipe; a read of it as a file could not be ended. */
async function fifo(path: string, signal: AbortSignal | undefined): Promise<Readable> {
  signal?.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  // Opening waits for somebody who writes: being that for a moment ends it, once it waits.
  const release = () => {
    timer = setInterval(() => {
      try {
        closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
      } catch {
        // It does not wait yet, or no longer.
      }
    }, RELEASE_MS);
  };
  signal?.addEventListener('abort', release, { once: true });
  try {
    const fd = await promisify(open)(path, 'r');
    return new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    throw inputError(path, error);
  } finally {
    signal?.removeEventListener('abort', release);
    clearInterval(timer);
  }
}

/** What can be read once: what of it was read for the head comes again before the rest. */
async function pipeInput(
  name: string,
  pipe: Readable,
  packed: boolean,
  signal: AbortSignal | undefined,
): Promise<TextInput> {
  if (signal) addAbortSignal(signal, pipe);
  const stream: AsyncIterable<Buffer> = packed ? unpacked(pipe) : pipe;
  const iterator = guardedChunks(name, stream);
  const parts: Buffer[] = [];
  let length = 0;
  while (length < HEAD_BYTES) {
    const { value, done } = await iterator.next();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  const head = Buffer.concat(parts);
  const chunks = async function* (): AsyncGenerator<Buffer> {
    yield head;
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) yield step.value;
  };
  return { name, identity: undefined, head, chunks, share: () => undefined };
}

async function* guardedChunks(name: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  try {
    yield* chunks;
  } catch (error) {
    throw inputError(name, error);
  }
}

function guarded<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw inputError(path, error);
  }
}

function inputError(path: string, error: unknown): unknown {
  if (error instanceof AgentError || isStop(error)) return error;
  const code = errnoOf(error) ?? '';
  if (code === 'ENOENT') {
    return new AgentError('usage', `there is no file ${path}`, { hint: 'check its name and directory', cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new AgentError('permission', `no permission to read ${path}`, {
      hint: 'run as a user who may',
      cause: error,
    });
  }
  if (code.startsWith('Z_')) {
    return new AgentError('usage', `${path} is no whole gzip file: ${messageOf(error)}`, {
      hint: 'what could be unpacked of it is in the journal; copy the file again, then run the same command',
      cause: error,
    });
  }
  return new AgentError('usage', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
}
