import { messageOf } from '../../system/errors.ts';
import { scrub } from '../../system/scrub.ts';

/** Codes of our own, beside Azure's (`ServerBusy`), Entra's (`AADSTS7000215`) and Node's (`ECONNREFUSED`). */
export const TIMEOUT = 'TIMEOUT';
export const NONSENSE = 'NONSENSE';
export const CORRUPT = 'CORRUPT';
/** The connection ended early, in words of the SDK's own. */
const BROKEN = 'BROKEN';

interface FailureDetails {
  code: string;
  status?: number | undefined;
  /** UTC ms by the server's clock. */
  serverMs?: number | undefined;
  /** How long the server asks to be left alone. */
  retryAfterMs?: number | undefined;
  /** Who failed, where it was not the storage. */
  host?: string | undefined;
}

/**
 * What became of one try. It stands for the SDK's error, which holds the request: its body, and its URL with the signature.
 */
export class AzureFailure extends Error {
  readonly code: string;
  readonly status: number | undefined;
  readonly serverMs: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly host: string | undefined;

  constructor(message: string, { code, status, serverMs, retryAfterMs, host }: FailureDetails) {
    super(scrub(message).replace(/\s+/g, ' '));
    this.name = 'AzureFailure';
    this.code = code;
    this.status = status;
    this.serverMs = serverMs;
    this.retryAfterMs = retryAfterMs;
    this.host = host;
  }

  /** Whether the same request can succeed a little later. */
  get passes(): boolean {
    const { code, status } = this;
    if (code === 'Md5Mismatch') return true;
    if (status !== undefined && code !== NONSENSE) return status === 408 || status === 429 || status >= 500;
    return !isAboutTls(code);
  }
}

/** Codes of OpenSSL for certificates, and of Node for what TLS cannot do. */
export function isAboutTls(code: string): boolean {
  return /CERT|SELF_SIGNED|^UNABLE_TO_|^ERR_TLS|^ERR_SSL|^EPROTO$/.test(code);
}

interface Headers {
  get(name: string): string | undefined | null;
}

/** The shape of RestError of @azure/core-rest-pipeline, which is not to be loaded for this. */
interface RestErrorLike {
  statusCode?: number;
  code?: unknown;
  details?: { errorCode?: unknown };
  response?: { headers: Headers };
}

/** @param late our own deadline ended it @param timeoutMs that deadline */
export function failureOf(error: unknown, late: boolean, timeoutMs: number): AzureFailure {
  if (error instanceof AzureFailure) return error;
  if (late) return new AzureFailure(`no answer within ${timeoutMs / 1000} s`, { code: TIMEOUT });
  const { statusCode, response } = (error ?? {}) as RestErrorLike;
  const headers = response?.headers;
  const named = codeOf(error);
  const message = withoutOpenssl(messageOf(error));
  // What the SDK throws at answers without the headers, or the XML, that it needs.
  if (!named && (error instanceof RangeError || error instanceof TypeError))
    return new AzureFailure(message, { code: NONSENSE });
  if (statusCode === undefined) return new AzureFailure(message, { code: named || BROKEN });
  return new AzureFailure(message, {
    // An answer without Azure's own headers is somebody else's.
    code: named || (headers?.get('x-ms-request-id') || statusCode >= 500 ? `HTTP ${statusCode}` : NONSENSE),
    status: statusCode,
    serverMs: msOf(headers?.get('date')),
    retryAfterMs: retryAfterOf(headers),
  });
}

/** What Azure, or Node, calls it; empty when nobody does. Answers to HEAD have it in a header alone. */
export function codeOf(error: unknown): string {
  const { code, details, response } = (error ?? {}) as RestErrorLike;
  const names = [response?.headers.get('x-ms-error-code'), details?.errorCode, code];
  return names.find((name): name is string => typeof name === 'string' && name !== '' && name !== 'PARSE_ERROR') ?? '';
}

/** @returns ms, from seconds or a date (RFC 9110, 10.2.3) */
export function retryAfterOf(headers: Headers | undefined): number | undefined {
  const text = headers?.get('retry-after')?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const until = msOf(text);
  // By the server's own clock, where it tells it: the Pi's may be wrong.
  return until === undefined ? undefined : Math.max(0, until - (msOf(headers?.get('date')) ?? Date.now()));
}

function msOf(text: string | null | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

/** OpenSSL names its source file and line: `write EPROTO 40..:error:0A00010B:SSL routines:fn:wrong version number:file:77:` */
function withoutOpenssl(message: string): string {
  return message.replace(/\S+:error:[^:]*:SSL routines:[^:]*:([^:]*):.*/s, '$1');
}
