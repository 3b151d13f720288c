import { HttpError, InfluxDB } from '@influxdata/influxdb-client';
import { messageOf } from '../system/errors.ts';
import type { Connections } from './connections.ts';

/** How to reach a server. */
export interface InfluxAddress {
  /** Base URL, without credentials. */
  url: string;
  token?: string | undefined;
  /** Certificate authorities to trust instead of the system's, PEM. */
  ca?: string | undefined;
  /** Connections to use; by default Node's own. */
  connections?: Connections | undefined;
}

export interface InfluxRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  /** A string goes as it is, anything else as JSON. */
  body?: unknown;
  /** Larger bodies are compressed. */
  gzipAboveBytes?: number;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface InfluxResponse {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed when it is JSON, else text; undefined when there is none. */
  body: unknown;
}

/** The server could not be asked, or did not answer in time. It may have done what it was asked for. */
export class InfluxUnreachable extends Error {
  /** Node's code, such as ECONNREFUSED; ETIMEDOUT for our own deadline. */
  readonly code: string;

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'InfluxUnreachable';
    this.code = code;
  }
}

/** The one place that uses @influxdata/influxdb-client: requests with a deadline, every answer as a value. */
export class InfluxClient {
  readonly url: string;
  readonly #db: InfluxDB;

  constructor(address: InfluxAddress) {
    this.url = address.url;
    this.#db = new InfluxDB({
      url: address.url,
      ...(address.token === undefined ? {} : { token: address.token }),
      // The deadline is the request's own: this one only counts silence on the socket.
      timeout: 600_000,
      transportOptions: {
        ...(address.ca === undefined ? {} : { ca: address.ca }),
        ...(address.connections === undefined ? {} : { agent: address.connections.agent }),
      },
    });
  }

  /**
   * @returns every answer, also those that say no
   * @throws InfluxUnreachable without an answer; the signal's reason when aborted
   */
  async request(path: string, request: InfluxRequest): Promise<InfluxResponse> {
    const { method = 'GET', query, headers, body, gzipAboveBytes, timeoutMs, signal } = request;
    signal?.throwIfAborted();
    // AbortSignal.timeout and .any would keep each request, with its body, until the time is over.
    const controller = new AbortController();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      controller.abort();
    }, timeoutMs);
    const abort = () => controller.abort();
    signal?.addEventListener('abort', abort, { once: true });
    const search = query ? `?${new URLSearchParams(query).toString()}` : '';
    const response: InfluxResponse = { status: 0, headers: {}, body: undefined };
    try {
      response.body = await this.#db.transport.request(
        `${path}${search}`,
        body,
        {
          method,
          headers: { ...headers },
          signal: controller.signal,
          ...(gzipAboveBytes === undefined ? {} : { gzipThreshold: gzipAboveBytes }),
        },
        (responseHeaders, status) => {
          response.headers = responseHeaders;
          response.status = status ?? 0;
        },
      );
      if (controller.signal.aborted) throw new Error('aborted');
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HttpError) {
        return { status: error.statusCode, headers: error.headers ?? {}, body: error.json ?? error.body };
      }
      throw unreachable(error, late, timeoutMs);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
    return response;
  }
}

function unreachable(error: unknown, late: boolean, timeoutMs: number): InfluxUnreachable {
  if (late) return new InfluxUnreachable('ETIMEDOUT', `no answer within ${timeoutMs / 1000} s`, error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // OpenSSL names its source file and line: `write EPROTO 40..:error:0A00010B:SSL routines:fn:wrong version number:file:77:`
  const message = messageOf(error)
    .replace(/\S+:error:[^:]*:SSL routines:[^:]*:([^:]*):.*/s, '$1')
    .replace(/\s+/g, ' ')
    .trim();
  return new InfluxUnreachable(code, message, error);
}
