import { readFileSync } from 'node:fs';
import { createServer as createPlain, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { ListenOptions } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { secretPath } from '../config/secrets.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { Access } from './http/access.ts';
import { Assets } from './http/assets.ts';
import { HostNames } from './http/host-names.ts';
import { Router } from './http/router.ts';
import { Sending } from './http/sending.ts';
import { type ServeOptions, serve } from './http/serve.ts';
import { Streams } from './http/streams.ts';
import type { LiveFeed } from './live-feed.ts';
import { type PageOptions, passagePath } from './options.ts';
import type { Place } from './place.ts';
import { ROUTES } from './routes.ts';

/** Slow clients and floods end here; the numbers are for a house, not for the internet. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 8192,
} as const;
/** Of who begins no TLS; the default is two minutes. */
const TLS_LIMITS = { handshakeTimeout: LIMITS.headersTimeout } as const;
const MOST_CONNECTIONS = 256;

export interface PageServerOptions extends PageOptions {
  feed: LiveFeed;
  log: Logger;
}

/** The server of the page. */
export class Page {
  readonly #options: PageServerOptions;
  readonly #serving: ServeOptions;
  readonly #streams: Streams;
  readonly #servers: Server[] = [];

  /** @throws AgentError where the certificate cannot be read */
  constructor(options: PageServerOptions) {
    const { feed, log, web } = options;
    this.#options = options;
    this.#streams = new Streams(feed);
    const requests = new Map<number, number>();
    const place: Place = { ...options, requests, streams: () => this.#streams.count, nowMs: Date.now };
    this.#serving = {
      place,
      router: new Router(ROUTES),
      assets: new Assets(),
      streams: this.#streams,
      access: new Access(web.passwordHash, { isSecure: web.tls !== undefined }),
      hosts: new HostNames(web.hosts),
      sending: new Sending(),
      log,
      requests,
    };
  }

  /** @throws Error where it cannot listen */
  async start(): Promise<void> {
    const { address, name } = this.#options;
    // The same port as the doorman has, for as long as both are there.
    await this.#listen({ ...address, reusePort: true });
    await this.#listen({ path: passagePath(name) });
  }

  /** Connections that are open now. */
  async connections(): Promise<number> {
    const counts = this.#servers.map(
      (server) => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count ?? 0))),
    );
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  /** Takes nobody any more, and ends when those it has are served. */
  async leave(): Promise<void> {
    // Behind a look at all sockets: who waits at this listener is taken.
    await setImmediate();
    await setImmediate();
    const closed = this.#close();
    // A stream would go on for ever; who has one asks the next listener for another.
    this.#streams.end();
    await closed;
  }

  async stop(): Promise<void> {
    this.#streams.end();
    const closed = this.#close();
    for (const server of this.#servers) server.closeAllConnections();
    await closed;
  }

  async #close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve())));
    await Promise.all(closed);
  }

  #listen(where: ListenOptions): Promise<void> {
    const { tls } = this.#options.web;
    const server = tls ? createSecureWith(tls) : createPlain(LIMITS);
    server.maxConnections = MOST_CONNECTIONS;
    server.on('request', (request, response) => void serve(this.#serving, request, response));
    // What is no HTTP is not worth an answer.
    server.on('clientError', (_error, socket) => socket.destroy());
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#options.log.warn(`the page lost a connection: ${messageOf(error)}`));
        resolve();
      });
    });
  }
}

/** @throws AgentError where the certificate or the key cannot be read or used */
function createSecureWith(tls: { certificateFile: string; keyFile: string }): Server {
  const read = readTls(tls);
  try {
    return createSecure({ ...LIMITS, ...TLS_LIMITS, ...read });
  } catch (error) {
    throw new AgentError('config', `${tls.certificateFile} and ${tls.keyFile} do not serve: ${messageOf(error)}`, {
      hint: 'web.tls names a certificate and the key that it was made with, both as PEM and the key without a password',
    });
  }
}

function readTls({ certificateFile, keyFile }: { certificateFile: string; keyFile: string }) {
  const read = (file: string) => {
    try {
      return readFileSync(secretPath(file));
    } catch (error) {
      if (error instanceof AgentError) throw error;
      throw new AgentError('config', `${file} cannot be read: ${messageOf(error)}`, {
        hint: 'web.tls names a certificate and its key as PEM, readable for the collector',
      });
    }
  };
  return { cert: read(certificateFile), key: read(keyFile) };
}
