import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { errnoOf, messageOf } from '../../system/errors.ts';
import { collectBuffers } from '../../system/garbage.ts';
import { type InfluxAddress, InfluxUnreachable } from '../client.ts';

/** A disk that syncs more slowly than this is taken for dead, bytes a millisecond: the server answers when all is on it. */
const SLOWEST_DISK = 1000;
const LONGEST_ANSWER_BYTES = 65_536;

export interface UploadRequest {
  /** Of the body, exactly. */
  bytes: number;
  content: AsyncIterable<Uint8Array>;
  /** So long without the server taking a byte, and it is given up. Time in which `content` is waited for does not count. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  onSent?: ((bytes: number) => void) | undefined;
}

/**
 * A POST whose body is a stream with a known length: where it breaks off the server can tell.
 * @returns every answer, also those that say no, with its text
 * @throws InfluxUnreachable without one; what `content` throws; the signal's reason when aborted
 */
export async function upload(
  address: InfluxAddress,
  path: string,
  request: UploadRequest,
): Promise<{ status: number; text: string }> {
  const { bytes, content, timeoutMs, signal, onSent } = request;
  signal?.throwIfAborted();
  const url = new URL(address.url);
  url.pathname = `${url.pathname.replace(/\/+$/, '').replace(/\/api\/v2$/, '')}${path}`;
  const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': bytes,
      ...(address.token === undefined ? {} : { authorization: `Token ${address.token}` }),
    },
    ...(signal ? { signal } : {}),
    ...(address.ca === undefined ? {} : { ca: address.ca }),
    ...(address.connections === undefined ? {} : { agent: address.connections.agent }),
  });
  const answer = answerOf(outgoing);
  let answered = false;
  const settled = answer.then(
    () => {
      answered = true;
    },
    () => {
      answered = true;
    },
  );
  try {
    for await (const piece of content) {
      if (answered) break;
      collectBuffers(piece.length);
      if (!outgoing.write(piece)) await within(outgoing, timeoutMs, Promise.race([drained(outgoing), settled]));
      onSent?.(piece.length);
    }
    if (!answered) outgoing.end();
    return await within(outgoing, timeoutMs + bytes / SLOWEST_DISK, answer);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof InfluxUnreachable) throw error;
    if (answered) await answer;
    throw error;
  } finally {
    // With half a body the connection is good for nothing more.
    if (!outgoing.writableFinished) outgoing.destroy();
    await settled.catch(() => {});
  }
}

function answerOf(outgoing: ClientRequest): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', (response: IncomingMessage) => {
      const pieces: Buffer[] = [];
      let length = 0;
      response.on('data', (piece: Buffer) => {
        length += piece.length;
        if (length <= LONGEST_ANSWER_BYTES) pieces.push(piece);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }));
      response.on('error', (error) => reject(asUnreachable(error)));
    });
    // It goes on listening: an error without a listener would end the process.
    outgoing.on('error', (error) => reject(asUnreachable(error)));
    outgoing.once('close', () => reject(new InfluxUnreachable('ECONNRESET', 'the connection broke off', undefined)));
  });
}

const drained = (outgoing: ClientRequest): Promise<void> =>
  new Promise((resolve) => {
    outgoing.once('drain', resolve);
  });

async function within<T>(outgoing: ClientRequest, timeoutMs: number, promise: Promise<T>): Promise<T> {
  const timer = setTimeout(() => outgoing.destroy(silence(timeoutMs)), timeoutMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

function silence(timeoutMs: number): InfluxUnreachable {
  return new InfluxUnreachable('ETIMEDOUT', `nothing moved for ${Math.round(timeoutMs / 100) / 10} s`, undefined);
}

function asUnreachable(error: unknown): InfluxUnreachable {
  if (error instanceof InfluxUnreachable) return error;
  return new InfluxUnreachable(errnoOf(error) ?? '', messageOf(error), error);
}
