import { AgentError, messageOf } from '../../system/errors.ts';
import { type InfluxClient, type InfluxRequest, type InfluxResponse, InfluxUnreachable } from '../client.ts';
import { serverMessage, unreachableHint } from '../write-outcome.ts';

/** A query took too long, or too many ran: later there may be time for it (VictoriaMetrics says 422 to that as well). */
const BUSY = /timeout|deadline|concurrent/i;
/** A body that did not come whole; what of it came can be there. */
const CUT = /EOF|cannot read|gzip|decompress/i;
const FORM = 'application/x-www-form-urlencoded';
const GZIP_ABOVE_BYTES = 1000;

/** Asks a VictoriaMetrics; every answer that is not the wanted one is an AgentError. */
export class VictoriaMetricsApi {
  readonly client: InfluxClient;
  readonly #timeoutMs: number;

  /** @param timeoutMs for each answer as a whole: what is asked for is cut so that an answer is small */
  constructor(client: InfluxClient, timeoutMs: number) {
    this.client = client;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * The `data` of a query of Prometheus' HTTP API.
   * @throws AgentError, retryable when the same may succeed later
   */
  async data<T>(path: string, query: Readonly<Record<string, string>>): Promise<T> {
    const { body } = await this.#get(path, query);
    const answer = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    if (answer.status !== 'success' || answer.data === undefined) throw this.#stranger();
    // Of a cluster some of whose nodes are away.
    if (answer.isPartial === true) {
      throw new AgentError('unavailable', `${this.client.url} has only a part of its data at hand`, {
        retryable: true,
        hint: 'see whether all storage nodes of VictoriaMetrics are up',
      });
    }
    return answer.data as T;
  }

  /** An answer that is text. @throws AgentError as `data` does */
  async text(path: string, query: Readonly<Record<string, string>>): Promise<string> {
    // Without it the transport reads lines of JSON as one JSON.
    const { body, headers } = await this.#get(path, query, { accept: 'text/plain' });
    if (body === undefined || body === '') return '';
    if (typeof body !== 'string' || /html/i.test(String(headers['content-type'] ?? ''))) throw this.#stranger();
    return body;
  }

  /**
   * Sends something that needs no answer.
   * @param body with `gzip` it travels compressed
   * @throws AgentError, retryable also when it arrived in part: then some of it can be there
   */
  async send(
    path: string,
    body: string,
    options: { gzip?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { gzip = false, signal } = options;
    const response = await this.#request(path, {
      method: 'POST',
      body,
      headers: { 'content-type': path.includes('import') ? 'application/json' : FORM },
      ...(gzip ? { gzipAboveBytes: GZIP_ABOVE_BYTES } : {}),
      signal,
    });
    if (response.status === 200 || response.status === 204) return;
    throw this.#refusal(response);
  }

  async #get(
    path: string,
    query: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<InfluxResponse> {
    const response = await this.#request(path, { query, headers });
    if (response.status === 200) return response;
    throw this.#refusal(response);
  }

  async #request(path: string, request: Omit<InfluxRequest, 'timeoutMs'>): Promise<InfluxResponse> {
    try {
      return await this.client.request(path, { ...request, timeoutMs: this.#timeoutMs });
    } catch (error) {
      request.signal?.throwIfAborted();
      const hint = error instanceof InfluxUnreachable ? unreachableHint(error) : undefined;
      throw new AgentError(
        'unavailable',
        `the VictoriaMetrics at ${this.client.url} cannot be asked: ${messageOf(error)}`,
        { retryable: true, hint: hint ?? 'check the url of the server', cause: error },
      );
    }
  }

  #refusal({ status, body }: InfluxResponse): AgentError {
    const said = serverMessage(body);
    const message = `the VictoriaMetrics at ${this.client.url} answers ${status}${said === '' ? '' : `: ${said}`}`;
    if (status === 401 || status === 403) {
      return new AgentError('permission', message, { hint: 'the token is missing, wrong, or may write only' });
    }
    if (/read-only mode/.test(said)) {
      return new AgentError('storage', message, { retryable: true, hint: 'its disk is full: make room there' });
    }
    const isCut = status === 400 && CUT.test(said);
    if (isCut || status === 408 || status === 429 || status >= 500 || (status === 422 && BUSY.test(said))) {
      return new AgentError('unavailable', message, { retryable: true, hint: 'it is busy or in trouble; see its log' });
    }
    return new AgentError('unavailable', message, {
      hint: status === 422 ? 'it refuses the query; see its limits -search.*' : 'is the url that of a VictoriaMetrics?',
    });
  }

  #stranger(): AgentError {
    return new AgentError('config', `what answers at ${this.client.url} is no VictoriaMetrics`, {
      hint: 'check host and port of url, and whether a proxy answers in its place',
    });
  }
}
