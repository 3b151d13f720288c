import { AgentError, messageOf } from '../../system/errors.ts';
import { type InfluxClient, type InfluxResponse, InfluxUnreachable } from '../client.ts';
import { serverMessage, unreachableHint } from '../write-outcome.ts';

/** A query took too long, or too many ran: later there may be time for it (VictoriaMetrics says 422 to that as well). */
const BUSY = /timeout|deadline|concurrent/i;

/** Reads from VictoriaMetrics; every answer that is not the wanted one is an AgentError. */
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

  async #get(
    path: string,
    query: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<InfluxResponse> {
    let response: InfluxResponse;
    try {
      response = await this.client.request(path, { query, headers, timeoutMs: this.#timeoutMs });
    } catch (error) {
      const hint = error instanceof InfluxUnreachable ? unreachableHint(error) : undefined;
      throw new AgentError(
        'unavailable',
        `the VictoriaMetrics at ${this.client.url} cannot be asked: ${messageOf(error)}`,
        { retryable: true, hint: hint ?? 'check the url of the server', cause: error },
      );
    }
    if (response.status === 200) return response;
    throw this.#refusal(response);
  }

  #refusal({ status, body }: InfluxResponse): AgentError {
    const said = serverMessage(body);
    const message = `the VictoriaMetrics at ${this.client.url} answers ${status}${said === '' ? '' : `: ${said}`}`;
    if (status === 401 || status === 403) {
      return new AgentError('permission', message, { hint: 'the token is missing, wrong, or may write only' });
    }
    if (status === 408 || status === 429 || status >= 500 || (status === 422 && BUSY.test(said))) {
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
