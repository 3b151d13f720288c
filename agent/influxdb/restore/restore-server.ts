import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError, messageOf } from '../../system/errors.ts';
import type { Logger } from '../../system/logging.ts';
import { type InfluxAddress, InfluxClient, type InfluxRequest, InfluxUnreachable } from '../client.ts';
import { PatientClient } from '../snapshot/patient-client.ts';
import { serverMessage, unreachableHint } from '../write-outcome.ts';
import { type UploadRequest, upload } from './upload.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** Five minutes: a query over a month of readings takes tens of seconds on a Pi. */
const LONGEST_QUERY_MS = 300_000;

export interface RestoreServerOptions {
  /** With the operator token. */
  address: InfluxAddress;
  /** So long without a byte, and a request is given up. */
  timeoutMs: number;
  /** So long after its first failure a request is tried again where that can help, as while the server starts. */
  patienceMs: number;
  signal?: AbortSignal | undefined;
  log: Logger;
}

export interface ServerAnswer<T> {
  status: number;
  body: T;
}

type JsonRequest = Pick<InfluxRequest, 'method' | 'query' | 'headers' | 'body'> & {
  /** Statuses besides 2xx that are an answer. */
  accepts?: readonly number[];
};

/** The server that a backup comes back into. It may be busy, starting or out of reach for a while. */
export class RestoreServer {
  readonly url: string;
  readonly log: Logger;
  readonly signal: AbortSignal | undefined;
  readonly #options: RestoreServerOptions;
  readonly #client: InfluxClient;

  constructor(options: RestoreServerOptions) {
    this.url = options.address.url;
    this.log = options.log;
    this.signal = options.signal;
    this.#options = options;
    this.#client = new InfluxClient(options.address);
  }

  /** The same server, asked with another token. */
  withToken(token: string): RestoreServer {
    return new RestoreServer({ ...this.#options, address: { ...this.#options.address, token } });
  }

  /** The same server, for putting things in order after a stop. */
  get unstoppable(): RestoreServer {
    return new RestoreServer({ ...this.#options, signal: undefined });
  }

  /** For what a backup asks a server for. */
  get reader(): PatientClient {
    return new PatientClient(this.#options);
  }

  /**
   * A request that may be done twice.
   * @param doing for messages: `making bucket energy`
   * @throws AgentError when it is refused, or after the last attempt
   */
  async ask<T>(doing: string, path: string, { accepts = [], ...request }: JsonRequest = {}): Promise<ServerAnswer<T>> {
    const { timeoutMs, signal } = this.#options;
    return this.#patiently(doing, async () => {
      const answer = await this.#client.request(path, { ...request, timeoutMs, signal });
      const { status, body } = answer;
      if ((status < 200 || status > 299) && !accepts.includes(status)) throw this.#refusal(doing, status, body);
      return { status, body: body as T };
    });
  }

  /** A Flux query. @returns annotated CSV (`#datatype`) */
  async query(doing: string, org: string, query: string): Promise<string> {
    const { signal } = this.#options;
    return this.#patiently(doing, async () => {
      const { status, body } = await this.#client.request('/api/v2/query', {
        method: 'POST',
        query: { orgID: org },
        headers: { accept: 'application/csv' },
        body: { query, type: 'flux', dialect: { header: true, annotations: ['datatype'] } },
        timeoutMs: LONGEST_QUERY_MS,
        signal,
      });
      if (status !== 200) throw this.#refusal(doing, status, body);
      return typeof body === 'string' ? body : '';
    });
  }

  /**
   * Sends a body that can be asked for again, and again.
   * @param onSent told of the bytes of each piece; negative ones take back what a failed attempt had told
   */
  async upload(
    doing: string,
    path: string,
    bytes: number,
    content: () => AsyncIterable<Uint8Array>,
    onSent: (bytes: number) => void = () => {},
  ): Promise<ServerAnswer<unknown>> {
    const { address, timeoutMs, signal } = this.#options;
    return this.#patiently(doing, async () => {
      let sent = 0;
      const request: UploadRequest = {
        bytes,
        content: content(),
        timeoutMs,
        signal,
        onSent: (piece) => {
          sent += piece;
          onSent(piece);
        },
      };
      try {
        const { status, text } = await upload(address, path, request);
        const body = parsed(text);
        if (status < 200 || status > 299) throw this.#refusal(doing, status, body);
        return { status, body };
      } catch (error) {
        onSent(-sent);
        throw error;
      }
    });
  }

  async #patiently<T>(doing: string, attempt: () => Promise<T>): Promise<T> {
    const { patienceMs, signal, log } = this.#options;
    let lastMs: number | undefined;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        const failure = this.#failure(doing, error);
        lastMs ??= performance.now() + patienceMs;
        if (!failure.retryable || performance.now() + pauseMs > lastMs) throw failure;
        log.debug({ reason: failure.message, pauseMs }, 'asking the server again');
        await sleep(pauseMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
      }
    }
  }

  #failure(doing: string, error: unknown): AgentError {
    if (error instanceof AgentError) return error;
    if (!(error instanceof InfluxUnreachable)) throw error;
    return new AgentError('unavailable', `${doing}: ${this.url} cannot be asked: ${messageOf(error)}`, {
      retryable: true,
      hint: unreachableHint(error) ?? 'the server or the connection broke off; see the log of influxd',
      cause: error,
    });
  }

  #refusal(doing: string, status: number, body: unknown): AgentError {
    const said = serverMessage(body);
    const message = `${doing}: ${this.url} answers ${status}${said === '' ? '' : `: ${said}`}`;
    if (status === 401 || status === 403) {
      return new AgentError('permission', message, {
        hint: 'a restore needs the operator token of this server; energy-monitor influxdb setup writes it to influxdb-operator.token',
      });
    }
    const passes = status === 408 || status === 429 || status >= 500;
    return new AgentError('unavailable', message, {
      retryable: passes,
      hint: passes ? 'the server is busy, starting or in trouble; see the log of influxd' : 'see the log of influxd',
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
