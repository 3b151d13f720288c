import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** What to send, and how. */
export interface ScriptedAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: Buffer | string;
  /** Without a length: the end is told by the last chunk. */
  chunked?: boolean;
  /** The connection is cut after so many bytes of the body. */
  cutAt?: number;
  /** Nothing more comes after so many bytes of the body. */
  hangAt?: number;
  /** Pieces of so many bytes, so long apart. */
  drip?: { bytes: number; everyMs: number };
}

/** Undefined: the connection is cut before anything is answered. */
export type Script = (path: string, incoming: IncomingMessage) => ScriptedAnswer | undefined;

/** A server on the loopback that answers as a test wants it to. */
export interface ScriptedServer {
  url: string;
  /** Paths with their queries, as they came. */
  requests: string[];
  /** Bytes of bodies that were sent, by path without its query. */
  sent: Map<string, number>;
  script: Script;
}

/** @param tls makes it speak https */
export async function scriptedServer(
  script: Script | ((path: string, incoming: IncomingMessage) => Promise<ScriptedAnswer | undefined>),
  tls?: { cert: string; key: string },
) {
  const server: Omit<ScriptedServer, 'script'> & { script: typeof script } = {
    url: '',
    requests: [],
    sent: new Map(),
    script,
  };
  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    const path = incoming.url ?? '';
    server.requests.push(path);
    void (async () => {
      const answer = await server.script(path, incoming);
      if (!answer) incoming.socket.resetAndDestroy();
      else await send(response, answer, (bytes) => count(server.sent, path, bytes));
    })().catch(() => incoming.socket.destroy());
  };
  const http = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  server.url = `${tls ? 'https' : 'http'}://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  onTestFinished(() => {
    http.close();
    http.closeAllConnections();
  });
  return server;
}

function count(sent: Map<string, number>, path: string, bytes: number): void {
  const name = path.replace(/\?.*/, '');
  sent.set(name, (sent.get(name) ?? 0) + bytes);
}

async function send(response: ServerResponse, answer: ScriptedAnswer, sent: (bytes: number) => void): Promise<void> {
  const { status = 200, headers = {}, chunked = false, cutAt, hangAt, drip } = answer;
  const body = Buffer.from(answer.body ?? '');
  response.on('error', () => {});
  response.writeHead(status, { ...headers, ...(chunked ? {} : { 'content-length': String(body.length) }) });
  response.flushHeaders();
  const last = cutAt ?? hangAt ?? body.length;
  const step = drip?.bytes ?? Math.max(1, last);
  for (let at = 0; at < last && !response.destroyed; at += step) {
    const piece = body.subarray(at, Math.min(at + step, last));
    sent(piece.length);
    await new Promise((resolve) => response.write(piece, resolve));
    if (drip) await sleep(drip.everyMs);
  }
  if (cutAt !== undefined) response.socket?.destroySoon();
  else if (hangAt === undefined) response.end();
}

/** Passes a GET on to a real server. */
export async function passedOn(target: string, incoming: IncomingMessage): Promise<ScriptedAnswer> {
  const headers: Record<string, string> = {};
  for (const name of ['authorization', 'accept', 'gzip-compression-level']) {
    const value = incoming.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  // Node's fetch unpacks, so it must not be packed.
  const response = await fetch(`${target}${incoming.url}`, { headers: { ...headers, 'accept-encoding': 'identity' } });
  const body = Buffer.from(await response.arrayBuffer());
  const kept = ['content-type', 'date', 'x-influxdb-version'].flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return { status: response.status, headers: Object.fromEntries(kept), body, chunked: true };
}
