import { createServer as createHttpServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { afterTest } from './side-by-side.ts';

/** What goes wrong with a request. */
export type Fault =
  /** The connection is cut before anything is answered, and the server never sees the request. */
  | { kind: 'reset' }
  /** The server never sees it, and nobody answers. */
  | { kind: 'hang' }
  /** The server gets half of the body. */
  | { kind: 'half-body' }
  /** The server does it; its reply is lost. */
  | { kind: 'reply-lost' }
  /** The server gets it with a bit turned over in the middle. */
  | { kind: 'damaged-body' }
  /** The server does it; the reply ends in the middle of its body. */
  | { kind: 'half-reply' }
  /** The server does it; the reply has a bit turned over in the middle of its body. */
  | { kind: 'damaged-reply' }
  /** The server does it; the reply comes byte by byte. */
  | { kind: 'drip'; everyMs: number }
  /** The reply ends after about its first half as if that were all: at the end of a line, or amid one. */
  | { kind: 'cut-reply'; at: 'line' | 'middle' }
  /** Somebody else answers. */
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string };

/** An HTTP proxy in front of a real server, with faults that the test chooses for each request. */
export class FaultProxy {
  readonly url: string;
  /** Asked for each request; undefined lets it pass. */
  faultFor: (path: string, number: number, method: string) => Fault | undefined = () => undefined;
  /** Told of each request before its fault. */
  onRequest: (incoming: IncomingMessage) => void = () => {};
  /** Requests that came, whatever became of them. */
  requests = 0;
  readonly #server: Server;
  readonly #target: URL;

  private constructor(server: Server, port: number, target: string) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
    this.#target = new URL(target);
  }

  static async start(target: string): Promise<FaultProxy> {
    const http = createHttpServer({ keepAliveTimeout: 60_000 });
    const sockets = new Set<Socket>();
    http.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const address = http.address();
    const proxy = new FaultProxy(http, typeof address === 'object' && address ? address.port : 0, target);
    http.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
      proxy.onRequest(incoming);
      const fault = proxy.faultFor(incoming.url ?? '', proxy.requests++, incoming.method ?? '');
      proxy.#serve(incoming, response, fault);
    });
    afterTest(() => {
      http.close();
      for (const socket of sockets) socket.destroy();
    });
    return proxy;
  }

  /** Connections are refused from now on. */
  async refuse(): Promise<void> {
    const server = this.#server as Server & { closeAllConnections?: () => void };
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections?.();
    await closed;
  }

  async accept(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(Number(new URL(this.url).port), '127.0.0.1', resolve));
  }

  #serve(incoming: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
    if (fault?.kind === 'reset') {
      incoming.socket.resetAndDestroy();
      return;
    }
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => {});
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      if (fault?.kind === 'hang') return;
      if (fault?.kind === 'answer') {
        response.writeHead(fault.status, fault.headers ?? {}).end(fault.body ?? '');
        return;
      }
      this.#pass(incoming, body, response, fault);
    });
  }

  #pass(incoming: IncomingMessage, body: Buffer, response: ServerResponse, fault: Fault | undefined): void {
    const { hostname, port } = this.#target;
    const { host: _host, 'transfer-encoding': _encoding, ...headers } = incoming.headers;
    const options = { hostname, port, method: incoming.method, path: incoming.url, headers, agent: false };
    const onward = request({ ...options, headers: { ...headers, 'content-length': body.length } }, (reply) => {
      const parts: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => parts.push(chunk));
      reply.on('end', () => {
        const content = Buffer.concat(parts);
        const { 'transfer-encoding': _chunked, ...replyHeaders } = reply.headers;
        if (fault?.kind === 'reply-lost') incoming.socket.resetAndDestroy();
        else if (fault?.kind === 'drip') drip(incoming.socket, reply.statusCode ?? 0, fault.everyMs);
        else if (fault?.kind === 'half-reply') {
          response.writeHead(reply.statusCode ?? 502, { ...replyHeaders, 'content-length': content.length });
          response.write(content.subarray(0, Math.floor(content.length / 2)), () => incoming.socket.destroy());
        } else if (fault?.kind === 'cut-reply') {
          const middle = Math.floor(content.length / 2);
          const end = fault.at === 'line' ? content.lastIndexOf('\n', middle) + 1 : middle;
          response
            .writeHead(reply.statusCode ?? 502, { ...replyHeaders, 'content-length': end })
            .end(content.subarray(0, end));
        } else {
          const answered = fault?.kind === 'damaged-reply' ? damaged(content) : content;
          response.writeHead(reply.statusCode ?? 502, replyHeaders).end(answered);
        }
      });
    });
    onward.on('error', () => incoming.socket.destroy());
    if (fault?.kind === 'half-body') {
      onward.write(body.subarray(0, Math.floor(body.length / 2)), () => {
        onward.destroy();
        incoming.socket.resetAndDestroy();
      });
    } else onward.end(fault?.kind === 'damaged-body' ? damaged(body) : body);
  }
}

function damaged(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const middle = copy.length >> 1;
  if (copy.length > 0) copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

function drip(socket: Socket, status: number, everyMs: number): void {
  const text = `HTTP/1.1 ${status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;
  let at = 0;
  const timer = setInterval(() => {
    if (at < text.length && !socket.destroyed) socket.write(text[at++] ?? '');
    else {
      clearInterval(timer);
      socket.end();
    }
  }, everyMs);
}

/** A port on which something listens that is no HTTP server. */
export async function nonsensePort(): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).end('+OK this is not what you think\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
