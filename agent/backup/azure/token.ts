import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { AgentError, messageOf } from '../../system/errors.ts';
import type { Try } from './attempts.ts';
import { AzureFailure, codeOf, NONSENSE, retryAfterOf } from './failure.ts';

export interface ServicePrincipal {
  tenantId: string;
  clientId: string;
  clientSecret: string;
  /** https://login.microsoftonline.com, or a national cloud's. */
  authorityHost?: string | undefined;
}

/** One for all accounts of public Azure. */
const SCOPE = 'https://storage.azure.com/.default';
/** A token is replaced so long before it ends: no request that takes its time outlives it. */
const EARLY_MS = 300_000;
const MOST_BYTES = 100_000;

/**
 * Tokens of a service principal, one POST each: what @azure/identity needs some 40 packages for.
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
export class TokenSource {
  readonly #principal: ServicePrincipal;
  readonly #url: URL;
  readonly #agent: HttpAgent;
  #token: { text: string; endsMs: number } | undefined;

  /** @param ca PEM of authorities to trust instead of the system's @throws AgentError `config` */
  constructor(principal: ServicePrincipal, ca: string | undefined) {
    this.#principal = principal;
    this.#url = tokenUrl(principal);
    const options = { proxyEnv: process.env };
    this.#agent =
      this.#url.protocol === 'https:'
        ? new HttpsAgent({ ...options, ...(ca === undefined ? {} : { ca }) })
        : new HttpAgent(options);
  }

  /** @returns the token in use, or a new one @throws AzureFailure */
  async get(one: Try): Promise<string> {
    if (this.#token && performance.now() < this.#token.endsMs) return this.#token.text;
    const { clientId, clientSecret } = this.#principal;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: SCOPE,
    });
    const { access_token: text, expires_in: seconds } = await this.#post(form.toString(), one).catch(
      (error: unknown) => {
        throw this.#failure(error);
      },
    );
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text) || !Number.isFinite(Number(seconds))) {
      throw this.#failure(new AzureFailure('the answer has no token', { code: NONSENSE }));
    }
    one.alive();
    this.#token = { text, endsMs: performance.now() + Number(seconds) * 1000 - EARLY_MS };
    return text;
  }

  /** The token was refused: the next one is new. */
  forget(): void {
    this.#token = undefined;
  }

  #failure(error: unknown): AzureFailure {
    const details = error instanceof AzureFailure ? error : { code: codeOf(error) || 'ECONNRESET' };
    return new AzureFailure(messageOf(error), { ...details, code: details.code, host: this.#url.host });
  }

  #post(body: string, { signal }: Try): Promise<Record<string, unknown>> {
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
      };
      const request = send(this.#url, { method: 'POST', headers, agent: this.#agent, signal }, (response) => {
        readText(response)
          .then((text) => resolve(answerOf(response, text)))
          .catch(reject);
      });
      request.on('error', reject).end(body);
    });
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk as string;
    if (text.length > MOST_BYTES) throw new AzureFailure('the answer is too long', { code: NONSENSE });
  }
  return text;
}

function answerOf({ statusCode: status = 0, headers }: IncomingMessage, text: string): Record<string, unknown> {
  let answer: Record<string, unknown> = {};
  try {
    answer = JSON.parse(text) as Record<string, unknown>;
  } catch {
    if (status === 200) throw new AzureFailure('the answer is no JSON', { code: NONSENSE });
  }
  if (status === 200) return answer;
  const { error, error_description: description } = answer;
  const code = /AADSTS\d+/.exec(String(description ?? ''))?.[0];
  const get = (name: string) => headers[name]?.toString();
  throw new AzureFailure(String(error ?? `HTTP ${status}`), {
    code: code ?? (error === undefined && status < 500 && status !== 429 ? NONSENSE : `HTTP ${status}`),
    status,
    serverMs: Date.parse(headers.date ?? '') || undefined,
    retryAfterMs: retryAfterOf({ get }),
  });
}

function tokenUrl({ tenantId, authorityHost = 'https://login.microsoftonline.com' }: ServicePrincipal): URL {
  let url: URL;
  try {
    url = new URL(`${authorityHost.replace(/\/+$/, '')}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`);
  } catch {
    throw new AgentError('config', `${authorityHost} is no URL of an authority`, {
      hint: 'leave authorityHost out, unless it is a national cloud',
    });
  }
  const isHere = /^(localhost|127\..*|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isHere)) return url;
  throw new AgentError('config', `${url.origin} would get the client secret in the clear`, {
    hint: 'begin it with https://',
  });
}
