import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { errnoOf, messageOf } from '../../system/errors.ts';
import { type InfluxAddress, InfluxUnreachable } from '../client.ts';
import { BrokenAnswer } from './broken-answer.ts';

const CHUNK_BYTES = 65_536;

export interface StreamRequest {
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  /** So long without a byte, and it is given up. Time in which nobody reads the body does not count. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface StreamAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /**
   * The body as it comes, unpacked; the server waits for whoever reads it. Ends without an error only where it is whole.
   * @throws InfluxUnreachable, BrokenAnswer while it is read; the signal's reason when aborted
   */
  body: AsyncGenerator<Uint8Array>;
  /** Closes the connection unless the body was read to its end. A body that nobody began to read needs this. */
  close(): void;
}

/**
 * A GET whose body is a stream. @influxdata/influxdb-client can iterate over one, but takes a gzip stream that is cut off
 * for a whole one, and keeps the headers to itself.
 * @returns every answer, also those that say no; its body has to be read to the end, or closed
 * @throws InfluxUnreachable without an answer; the signal's reason when aborted
 */
export async function openStream(address: InfluxAddress, path: string, request: StreamRequest): Promise<StreamAnswer> {
  const { headers, timeoutMs, signal } = request;
  signal?.throwIfAborted();
  const url = new URL(address.url);
  url.pathname = `${url.pathname.replace(/\/+$/, '').replace(/\/api\/v2$/, '')}${path}`;
  url.search = new URLSearchParams(request.query).toString();
  const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    headers: {
      'accept-encoding': 'gzip',
      ...headers,
      ...(address.token === undefined ? {} : { authorization: `Token ${address.token}` }),
    },
    timeout: timeoutMs,
    ...(signal ? { signal } : {}),
    ...(address.ca === undefined ? {} : { ca: address.ca }),
    ...(address.connections === undefined ? {} : { agent: address.connections.agent }),
  });
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.once('timeout', () => outgoing.destroy(silence(timeoutMs)));
      // It goes on listening: an error without a listener would end the process.
      outgoing.on('error', reject);
      outgoing.end();
    });
    outgoing.removeAllListeners('timeout');
    response.socket.setTimeout(0);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: readBody(response, timeoutMs, signal),
      close: () => closeUnread(response),
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw asUnreachable(error);
  }
}

/** The body as text, for messages. */
export async function shortText({ body }: StreamAnswer): Promise<string> {
  let text = '';
  for await (const piece of body) {
    text += Buffer.from(piece).toString('utf8');
    if (text.length > 2000) break;
  }
  return text.slice(0, 2000);
}

async function* readBody(
  response: IncomingMessage,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  try {
    if (encoding === 'identity') yield* asItComes(response, timeoutMs);
    else if (encoding === 'gzip') yield* unpacked(asItComes(response, timeoutMs));
    else throw new BrokenAnswer(`the answer is packed as ${encoding}`);
  } catch (error) {
    signal?.throwIfAborted();
    const code = errnoOf(error) ?? '';
    if (code.startsWith('Z_') || code === 'ERR_TRAILING_JUNK_AFTER_STREAM_END') {
      throw new BrokenAnswer(`the gzip stream is cut off or damaged (${messageOf(error)})`);
    }
    throw error instanceof BrokenAnswer ? error : asUnreachable(error);
  } finally {
    closeUnread(response);
  }
}

function closeUnread(response: IncomingMessage): void {
  if (!response.readableEnded) response.destroy();
}

async function* asItComes(response: IncomingMessage, timeoutMs: number): AsyncGenerator<Uint8Array> {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  for (;;) {
    const timer = setTimeout(() => response.destroy(silence(timeoutMs)), timeoutMs);
    try {
      const { done, value } = await chunks.next();
      if (done) return;
      clearTimeout(timer);
      yield value;
    } finally {
      clearTimeout(timer);
    }
  }
}

function unpacked(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES, rejectGarbageAfterEnd: true });
  // Its iterator tells the error as well.
  return pipeline(packed, gunzip, () => {});
}

function silence(timeoutMs: number): InfluxUnreachable {
  return new InfluxUnreachable('ETIMEDOUT', `nothing came for ${timeoutMs / 1000} s`, undefined);
}

function asUnreachable(error: unknown): InfluxUnreachable {
  if (error instanceof InfluxUnreachable) return error;
  const message = messageOf(error) === 'aborted' ? 'the connection broke off' : messageOf(error);
  return new InfluxUnreachable(errnoOf(error) ?? '', message, error);
}
