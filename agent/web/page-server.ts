import { readFileSync } from 'node:fs';
import { createServer as createPlain, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { secretPath } from '../config/secrets.ts';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { Access } from './http/access.ts';
import { Assets } from './http/assets.ts';
import { HostNames } from './http/host-names.ts';
import { Router } from './http/router.ts';
import { serve } from './http/serve.ts';
import { Streams } from './http/streams.ts';
import type { LiveFeed } from './live-feed.ts';
import type { PageOptions } from './options.ts';
import type { Place } from './place.ts';
import { ROUTES } from './routes.ts';

const RETRY_MS = 10_000;
/** Ports that are tried one after the other. */
const MOST_PORTS = 20;
/** Slow clients and floods end here; the numbers are for a house, not for the internet. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 8192,
} as const;
const MOST_CONNECTIONS = 256;

export interface PageServerOptions extends PageOptions {
  feed: LiveFeed;
  log: Logger;
  /** @param url where a person finds it */
  onListening: (url: string) => void;
}

/** The server of the page: listens, or tries again until it can. */
export class Page {
  readonly #options: PageServerOptions;
  readonly #streams: Streams;
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #said: string | undefined;

  constructor(options: PageServerOptions) {
    this.#options = options;
    this.#streams = new Streams(options.feed);
  }

  /** Listens; where it cannot, says so once and tries again. */
  async start(): Promise<void> {
    const { log, onListening, web } = this.#options;
    try {
      this.#server = await this.#listen();
      this.#said = undefined;
      const url = urlOf(this.#server.address() as AddressInfo, web.tls !== undefined);
      log.info({ url }, 'the page is served');
      onListening(url);
    } catch (error) {
      const message = messageOf(error);
      const hint = error instanceof AgentError ? error.hint : undefined;
      if (message !== this.#said) log.error({ hint }, `the page cannot be served: ${message}`);
      this.#said = message;
      this.#timer = setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#streams.end();
    const server = this.#server;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #listen(): Promise<Server> {
    const { web, nextPort } = this.#options;
    const { host, port } = web.listen as { host: string; port: number };
    for (let tried = 0; ; tried++) {
      const server = this.#create();
      try {
        await listening(server, host, port + tried);
        return server;
      } catch (error) {
        if (nextPort && errnoOf(error) === 'EADDRINUSE' && tried < MOST_PORTS) continue;
        throw refused(error, `${host}:${port}`);
      }
    }
  }

  #create(): Server {
    const { feed, log, nextPort: _, onListening: __, ...options } = this.#options;
    const { web } = options;
    const place: Place = { ...options, feed, streams: () => this.#streams.count, nowMs: Date.now };
    const serving = {
      place,
      router: new Router(ROUTES),
      assets: new Assets(),
      streams: this.#streams,
      access: new Access(web.passwordHash, { isSecure: web.tls !== undefined }),
      hosts: new HostNames(web.hosts),
      log,
    };
    const server = web.tls ? createSecure({ ...LIMITS, ...readTls(web.tls) }) : createPlain(LIMITS);
    server.maxConnections = MOST_CONNECTIONS;
    server.on('request', (request, response) => void serve(serving, request, response));
    // What is no HTTP is not worth an answer.
    server.on('clientError', (_error, socket) => socket.destroy());
    return server;
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
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

function refused(error: unknown, address: string): AgentError {
  if (error instanceof AgentError) return error;
  const code = errnoOf(error);
  const hints: Record<string, string> = {
    EADDRINUSE: 'another program listens there; give web.listen another port',
    EADDRNOTAVAIL: 'this machine has no such address; give web.listen one of its own',
    EACCES: 'ports below 1024 are for root; give web.listen a higher one',
  };
  const hint = hints[code ?? ''];
  return new AgentError('unavailable', `${address}: ${messageOf(error)}`, hint === undefined ? {} : { hint });
}

/** A listener on all addresses is shown by the one that always works here. */
function urlOf({ address, family, port }: AddressInfo, isSecure: boolean): string {
  const isAny = address === '0.0.0.0' || address === '::';
  const host = isAny ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
  return `http${isSecure ? 's' : ''}://${host}:${port}/`;
}
