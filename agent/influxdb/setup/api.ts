import { AgentError, messageOf } from '../../system/errors.ts';
import { type InfluxClient, type InfluxRequest, type InfluxResponse, InfluxUnreachable } from '../client.ts';
import { serverMessage, unreachableHint } from '../write-outcome.ts';

/** A request whose every answer comes back. @throws AgentError without one */
export async function ask(client: InfluxClient, path: string, request: InfluxRequest): Promise<InfluxResponse> {
  try {
    return await client.request(path, request);
  } catch (error) {
    const hint =
      (error instanceof InfluxUnreachable ? unreachableHint(error) : undefined) ??
      'check the url of influxdb; run it again';
    throw new AgentError('unavailable', `the server at ${client.url} cannot be asked: ${messageOf(error)}`, {
      retryable: true,
      hint: `${hint}; what is done stays, and a second run goes on from there`,
      cause: error,
    });
  }
}

/** An answer that is not the wanted one. */
export function refusal(client: InfluxClient, doing: string, { status, body }: InfluxResponse): AgentError {
  const said = serverMessage(body);
  const message = `${doing}: ${client.url} answers ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 401 || status === 403) {
    // "unauthorized access" is for a token that the server does not know.
    const unknown = said === '' || /^unauthorized access$/i.test(said);
    return new AgentError('permission', message, {
      hint: unknown
        ? 'the server does not know this token; name the file of the right one with --operator-token-file'
        : 'the token may not do this; name the operator token (or one with all access) with --operator-token-file',
    });
  }
  if (status === 408 || status === 429 || status >= 500) {
    return new AgentError('unavailable', message, {
      retryable: true,
      hint: 'the server is busy or in trouble; see its log, and run it again: it goes on from here',
    });
  }
  return new AgentError('unavailable', message, { hint: 'see the log of the server; a second run goes on from here' });
}

/**
 * Whether an answer lets a token do something.
 * @param yes statuses that say so
 * @throws AgentError when it says neither: a busy server condemns no token
 */
export function permits(
  client: InfluxClient,
  doing: string,
  response: InfluxResponse,
  yes: readonly number[],
): boolean {
  if (yes.includes(response.status)) return true;
  if ([401, 403, 404].includes(response.status)) return false;
  throw refusal(client, doing, response);
}

/** Requests with one token, whose answers are checked. */
export class Api {
  readonly client: InfluxClient;
  readonly #timeoutMs: number;

  constructor(client: InfluxClient, timeoutMs: number) {
    this.client = client;
    this.#timeoutMs = timeoutMs;
  }

  /** Any answer. */
  ask(path: string, request: Omit<InfluxRequest, 'timeoutMs'> = {}): Promise<InfluxResponse> {
    return ask(this.client, path, { ...request, timeoutMs: this.#timeoutMs });
  }

  /** @param doing for the message. @throws AgentError when it is refused */
  async get<T>(doing: string, path: string, query: Readonly<Record<string, string>>): Promise<T> {
    return this.#checked(doing, await this.ask(path, { query }));
  }

  /** The same, with undefined for what is not there. */
  async find<T>(doing: string, path: string, query: Readonly<Record<string, string>>): Promise<T | undefined> {
    const response = await this.ask(path, { query });
    return response.status === 404 ? undefined : this.#checked(doing, response);
  }

  async send<T>(doing: string, method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
    return this.#checked(doing, await this.ask(path, { method, body }));
  }

  #checked<T>(doing: string, response: InfluxResponse): T {
    if (response.status < 200 || response.status > 299) throw refusal(this.client, doing, response);
    return response.body as T;
  }
}
