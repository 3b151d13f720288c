import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { messageOf } from '../../system/errors.ts';
import type { Logger } from '../../system/logging.ts';
import type { Place } from '../place.ts';
import { VERSION } from '../version.ts';
import type { Access } from './access.ts';
import { type Answer, json } from './answer.ts';
import type { Assets } from './assets.ts';
import { SECURITY_HEADERS } from './headers.ts';
import type { HostNames } from './host-names.ts';
import { notFound, Problem } from './problem.ts';
import { Query } from './query.ts';
import type { Router } from './router.ts';
import type { Sending } from './sending.ts';
import { readPassword } from './session-body.ts';
import type { Streams } from './streams.ts';

/** A longer address is nobody's. */
const MOST_URL = 2048;
/** Below this a header costs more than it saves. */
const LEAST_COMPRESSED = 1024;
const SESSION = '/api/v1/session';
const STREAM = '/api/v1/stream';

export interface ServeOptions {
  place: Place;
  router: Router;
  assets: Assets;
  streams: Streams;
  access: Access;
  hosts: HostNames;
  sending: Sending;
  log: Logger;
  /** Counted here, by status. */
  requests: Map<number, number>;
}

/** Answers one request, whatever it is; never throws. */
export async function serve(options: ServeOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { sending } = options;
  await sending.turn(request, response);
  if (request.socket.destroyed) return;
  try {
    const answer = await answerTo(options, request, response);
    if (answer) send(sending, request, response, answer);
  } catch (error) {
    const problem = error instanceof Problem ? error : unexpected(error, request, options.log);
    if (response.headersSent) response.destroy();
    else send(sending, request, response, asAnswer(problem));
  }
  const { statusCode } = response;
  options.requests.set(statusCode, (options.requests.get(statusCode) ?? 0) + 1);
}

/** @returns undefined where the response goes on by itself */
async function answerTo(
  { place, router, assets, streams, access, hosts }: ServeOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer | undefined> {
  const [host, another] = request.headersDistinct.host ?? [];
  // Two names are a trick (RFC 9112, 3.2).
  if (another !== undefined) throw new Problem(400, 'Bad Request', 'say once whom this is for (Host)');
  if (!hosts.allows(host)) {
    throw new Problem(
      421,
      'Misdirected Request',
      'this page is not known by that name; add it to web.hosts of the configuration',
    );
  }
  const url = request.url ?? '/';
  if (url.length > MOST_URL) throw new Problem(414, 'URI Too Long', `use at most ${MOST_URL} characters`);
  const [path = '/', search = ''] = splitAt(url, '?');
  if (path === SESSION) return session(access, request);
  requireMethod(request, ['GET', 'HEAD']);
  const found = router.find(path);
  const asset =
    found || path === STREAM ? undefined : assets.find(path === '/' ? '/index.html' : path, acceptedCodings(request));
  // The page itself is no secret; what it shows is.
  if (asset) return asset;
  if (!found && path !== STREAM)
    throw notFound('there is nothing at this path; /api/v1/openapi.json lists what there is');
  if (!found?.route.isOpen && !access.admits(request)) throw unauthorized();
  const query = new Query(new URLSearchParams(search));
  if (found) return found.route.answer({ query, params: found.params, accept: request.headers.accept ?? '' }, place);
  const meter = query.text('meter');
  query.end();
  if (meter !== undefined && !place.meters.some(({ name }) => name === meter)) {
    throw notFound(`no meter is called ${meter}; there are ${place.meters.map(({ name }) => name).join(', ')}`);
  }
  streams.open(request, response, meter, hello(place));
  return undefined;
}

const hello = ({ timeZone, meters }: Place) => ({
  version: VERSION,
  timeZone: timeZone ?? null,
  meters: meters.map(({ name }) => name),
});

/** POST with the password begins a session, DELETE ends it; GET tells whether there is one. */
async function session(access: Access, request: IncomingMessage): Promise<Answer> {
  requireMethod(request, ['GET', 'HEAD', 'POST', 'DELETE']);
  if (request.method === 'POST' || request.method === 'DELETE') requireSameOrigin(request);
  if (request.method === 'POST') {
    const cookie = access.begin(await readPassword(request), request);
    return withCookie(json({ admitted: true }), cookie);
  }
  if (request.method === 'DELETE') return withCookie(json({ admitted: false }), access.end());
  return json({ admitted: access.admits(request), restricted: access.isRestricted });
}

const withCookie = (answer: Answer, cookie: string): Answer => ({
  ...answer,
  headers: { ...answer.headers, 'set-cookie': cookie },
});

function requireMethod({ method = '' }: IncomingMessage, allowed: readonly string[]): void {
  if (allowed.includes(method)) return;
  throw new Problem(405, 'Method Not Allowed', `use ${allowed.join(' or ')} here`, {
    headers: { allow: allowed.join(', ') },
  });
}

/** Another site's form can be sent here with a visitor's cookies, but not without telling whose it is. */
function requireSameOrigin({ headers }: IncomingMessage): void {
  const { origin, host } = headers;
  if (origin === undefined || origin.replace(/^https?:\/\//, '') === host) return;
  throw new Problem(403, 'Forbidden', 'this comes from another site');
}

const unauthorized = () =>
  new Problem(401, 'Unauthorized', 'give the password of the page: as a session, or by HTTP Basic with any name', {
    headers: { 'www-authenticate': 'Session realm="energy-monitor", Basic realm="energy-monitor", charset="UTF-8"' },
  });

function unexpected(error: unknown, { method, url }: IncomingMessage, log: Logger): Problem {
  log.error({ err: error, method, path: splitAt(url ?? '', '?')[0] }, `the page could not answer: ${messageOf(error)}`);
  return new Problem(500, 'Internal Server Error', 'this could not be answered; the log of the collector says why');
}

function asAnswer(problem: Problem): Answer {
  const { status, headers } = json(problem.document(), { status: problem.status });
  return {
    status,
    headers: { ...headers, ...problem.headers, 'content-type': 'application/problem+json; charset=utf-8' },
    body: `${JSON.stringify(problem.document())}\n`,
  };
}

function send(sending: Sending, request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const headers: Record<string, string> = { ...SECURITY_HEADERS, ...answer.headers };
  if (headers.etag !== undefined && isKnown(request.headers['if-none-match'], headers.etag)) {
    sending.end(response, 304, headers, undefined);
    return;
  }
  let body = Buffer.from(answer.body as string);
  if (headers['content-encoding'] === undefined && body.length >= LEAST_COMPRESSED) {
    headers.vary = 'accept-encoding';
    if (/\bgzip\b/.test(acceptedCodings(request))) {
      // In this thread alone: libuv's threads also serve the serial port.
      body = gzipSync(body, { level: 4 });
      headers['content-encoding'] = 'gzip';
    }
  }
  headers['content-length'] = String(body.length);
  sending.end(response, answer.status, headers, request.method === 'HEAD' ? undefined : body);
}

const acceptedCodings = ({ headers }: IncomingMessage) => String(headers['accept-encoding'] ?? '');

/** By weak comparison (RFC 9110, 13.1.2). */
function isKnown(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
