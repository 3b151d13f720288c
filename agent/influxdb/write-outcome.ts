import { AgentError, messageOf } from '../system/errors.ts';
import { type InfluxResponse, InfluxUnreachable } from './client.ts';

/** What became of a write, and what the queue has to do. */
export type WriteOutcome =
  /**
   * All of it is there; `refused` tells of points that the server left out for good (partial write). `volatile`: for some
   * seconds only in the server's memory; then `connection`, a number, tells whether it may have been restarted since.
   */
  | { kind: 'written'; refused?: string; volatile?: { connection: number } }
  /** A line does not parse, or a value is of another type than its field: the server never takes it. */
  | { kind: 'invalid'; message: string }
  | { kind: 'too-large'; message: string }
  /** Only a person can mend it: token, bucket, URL. Nothing is lost meanwhile. */
  | { kind: 'hold'; message: string; hint: string }
  /** Not written, or unknown whether; the same again later. `serverDown`: nothing listens there. */
  | { kind: 'retry'; message: string; hint?: string; afterMs?: number; serverDown?: boolean; timedOut?: boolean };

/** A server that asks for more is not believed: it would hold up a day of readings by mistake. */
const LONGEST_RETRY_AFTER_MS = 300_000;

/** Retry-After in seconds or as a date (RFC 9110, 10.2.3). */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS) : undefined;
}

/** The server's own words, in one line: `message` of InfluxDB 2, `error` of 1.x, text of others. */
export function serverMessage(body: unknown): string {
  const record = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const text = String(record.message ?? record.error ?? (typeof body === 'string' ? body : ''));
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 297)}...` : line;
}

/** What a person has to do before a server takes anything again. */
const SERVER_HINTS: readonly (readonly [RegExp, string])[] = [
  // InfluxDB 2.9 gives a shard up for good that it could not open once (tsdb/store.go).
  [/not attempting to open shard/, 'the server has given a file up: make room on its disk and restart it'],
  [/no space left on device/, "the server's disk is full: make room there"],
];

/** Answers of /api/v2/write in InfluxDB 2.x (http/write_handler.go), 1.8 and VictoriaMetrics. */
export function writeOutcome({ status, headers, body }: InfluxResponse): WriteOutcome {
  const said = serverMessage(body);
  const message = `the server answers ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 204 || status === 201) return { kind: 'written' };
  switch (status) {
    case 400:
    case 422:
      return refusedLines(message, said, body);
    case 401:
    case 403:
      return { kind: 'hold', message, hint: 'the token is missing, wrong or may not write to this bucket' };
    case 404:
      return {
        kind: 'hold',
        message,
        hint: 'the bucket or organisation is not there, or the URL is not that of an InfluxDB; energy-monitor influxdb setup creates them',
      };
    case 413:
      return { kind: 'too-large', message };
    default:
  }
  if (status === 408 || status === 429 || status >= 500) {
    const header = headers['retry-after'];
    const afterMs = retryAfterMs(Array.isArray(header) ? header[0] : header, Date.now());
    const hint = SERVER_HINTS.find(([pattern]) => pattern.test(said))?.[1];
    return { kind: 'retry', message, ...(afterMs === undefined ? {} : { afterMs }), ...(hint ? { hint } : {}) };
  }
  const { location } = headers;
  if (status >= 300 && status < 400 && typeof location === 'string') {
    return { kind: 'hold', message, hint: `it sends on to ${withoutQuery(location)}: write that URL's beginning` };
  }
  // 200 with a page ...: something answers there, but no InfluxDB.
  return { kind: 'hold', message, hint: NO_INFLUXDB };
}

const NO_INFLUXDB = 'the URL is not that of an InfluxDB 2, 1.8 or VictoriaMetrics; check scheme, host and port';

/**
 * 400 and 422 of InfluxDB 2, 400 of 1.8. Others answer 400 as well: Go to plain HTTP on a TLS port, proxies, VictoriaMetrics
 * to a path that it does not know; none of these is about the lines.
 */
function refusedLines(message: string, said: string, body: unknown): WriteOutcome {
  // Older than the bucket keeps: it would be deleted there anyway; all other lines are written.
  if (/retention policy/i.test(said)) return { kind: 'written', refused: said };
  const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined;
  const isAboutLines =
    code === 'invalid' || code === 'unprocessable entity' || /unable to parse|partial write/.test(said);
  return isAboutLines ? { kind: 'invalid', message } : { kind: 'hold', message, hint: NO_INFLUXDB };
}

function withoutQuery(location: string): string {
  return location.replace(/[?#].*/s, '');
}

const TLS_HINT = 'the certificate is not trusted; name its authority with caFile, or use http:// on a trusted LAN';

const UNREACHABLE_HINTS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there; is the server started, and the port right?',
  ENOTFOUND: 'the host name is not known; check the URL',
  EAI_AGAIN: 'the host name cannot be looked up now; check the network',
  EHOSTUNREACH: 'the host cannot be reached; check the network',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the server is busy or does not answer',
  ECONNRESET: 'the connection broke off',
  EPROTO: 'the server does not speak TLS there; use http://',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there; use http://',
  DEPTH_ZERO_SELF_SIGNED_CERT: TLS_HINT,
  SELF_SIGNED_CERT_IN_CHAIN: TLS_HINT,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TLS_HINT,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TLS_HINT,
  CERT_HAS_EXPIRED: 'the certificate has expired, or the clock of this machine is wrong',
  CERT_NOT_YET_VALID: 'the clock of this machine is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name; use that one in the URL',
};

/** What to do about a server that cannot be asked. */
export function unreachableHint(error: InfluxUnreachable): string | undefined {
  return UNREACHABLE_HINTS[error.code];
}

/** A write without an answer: the server is away, or our own settings cannot be used. */
export function failedWrite(error: unknown): WriteOutcome {
  if (error instanceof AgentError) {
    return { kind: 'hold', message: error.message, hint: error.hint ?? 'mend it; it is tried again' };
  }
  const hint = error instanceof InfluxUnreachable ? unreachableHint(error) : undefined;
  const message = `the server cannot be reached: ${messageOf(error)}`;
  const serverDown = error instanceof InfluxUnreachable && error.code === 'ECONNREFUSED';
  const timedOut = error instanceof InfluxUnreachable && error.code === 'ETIMEDOUT';
  return { kind: 'retry', message, serverDown, timedOut, ...(hint ? { hint } : {}) };
}
