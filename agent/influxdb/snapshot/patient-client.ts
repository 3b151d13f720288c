import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError, messageOf } from '../../system/errors.ts';
import type { Logger } from '../../system/logging.ts';
import { type InfluxAddress, InfluxUnreachable } from '../client.ts';
import { serverMessage, unreachableHint } from '../write-outcome.ts';
import { BrokenAnswer } from './broken-answer.ts';
import { openStream, type StreamAnswer, type StreamRequest, shortText } from './http-stream.ts';
import { DamagedFile } from './tsm.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

export interface PatientOptions {
  /** With the operator token. */
  address: InfluxAddress;
  /** So long without a byte, and a request is given up. */
  timeoutMs: number;
  /** So long each request is tried again where that can help, as while the server starts. */
  patienceMs: number;
  signal?: AbortSignal | undefined;
  log: Logger;
}

export interface PatientRequest extends Pick<StreamRequest, 'query' | 'headers'> {
  /** For messages: `shard 7`. */
  what: string;
  path: string;
  /** Statuses besides 200 that are an answer. */
  accepts?: readonly number[];
}

/** Asks a server that may be busy, starting or out of reach for a while. */
export class PatientClient {
  readonly url: string;
  readonly log: Logger;
  readonly #options: PatientOptions;

  constructor(options: PatientOptions) {
    this.url = options.address.url;
    this.log = options.log;
    this.#options = options;
  }

  /**
   * Asks, and reads the answer as far as `read` does; all of that is done again when it fails in a way that passes.
   * @param read has to read the body to its end, or to hand it on
   * @throws AgentError when it is refused, or after the last attempt
   */
  async get<T>(request: PatientRequest, read: (answer: StreamAnswer) => Promise<T>): Promise<T> {
    const { address, timeoutMs, patienceMs, signal, log } = this.#options;
    const { what, path, accepts = [], ...rest } = request;
    const lastMs = performance.now() + patienceMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      let answer: StreamAnswer | undefined;
      try {
        answer = await openStream(address, path, { ...rest, timeoutMs, signal });
        if (answer.status !== 200 && !accepts.includes(answer.status)) throw await this.#refusal(what, answer);
        return await read(answer);
      } catch (error) {
        answer?.close();
        signal?.throwIfAborted();
        const failure = this.failure(what, error);
        if (!failure.retryable || performance.now() + pauseMs > lastMs) throw failure;
        log.debug({ reason: failure.message, pauseMs }, 'asking the server again');
        await sleep(pauseMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
      }
    }
  }

  /** What is read after the first content was handed on: its errors are those of `get`. */
  async *guarded<T>(what: string, values: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* values;
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      throw this.failure(what, error);
    }
  }

  /** A foreign error as ours. */
  failure(what: string, error: unknown): AgentError {
    if (error instanceof AgentError) return error;
    if (error instanceof DamagedFile) {
      return new AgentError('storage', `${what} of ${this.url} is damaged on the server: ${error.message}`, {
        hint: 'look at it there with: influxd inspect verify-tsm; older backups still have what it was',
        cause: error,
      });
    }
    const hint =
      (error instanceof InfluxUnreachable ? unreachableHint(error) : undefined) ??
      'the server or the connection broke off; see the log of influxd';
    const isOurs = error instanceof InfluxUnreachable || error instanceof BrokenAnswer;
    return new AgentError(
      isOurs ? 'unavailable' : 'internal',
      `${what} of ${this.url} cannot be read: ${messageOf(error)}`,
      { retryable: isOurs, hint, cause: error },
    );
  }

  async #refusal(what: string, answer: StreamAnswer): Promise<AgentError> {
    const { status, headers } = answer;
    const text = await shortText(answer);
    const said = serverMessage(String(headers['content-type']).includes('json') ? parsed(text) : '');
    const message = `${what}: ${this.url} answers ${status}${said === '' ? '' : `: ${said}`}`;
    if (status === 401 || status === 403) {
      return new AgentError('permission', message, {
        hint: 'backups need the operator token: energy-monitor influxdb setup writes it to influxdb-operator.token; all-access tokens may not read backups',
      });
    }
    if (status === 408 || status === 429 || status >= 500) {
      return new AgentError('unavailable', message, {
        retryable: true,
        hint: 'the server is busy, starting or in trouble; see the log of influxd',
      });
    }
    return new AgentError('unavailable', message, {
      hint: 'the URL is not that of an InfluxDB 2, or of a proxy that does not let all of it through',
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
