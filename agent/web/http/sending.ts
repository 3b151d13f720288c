import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Problem } from './problem.ts';

const LONGEST_MS = 60_000;
const MOST_BYTES = 16 * 2 ** 20;

/**
 * Answers on their way. Who asks for much and takes nothing of it would have it all kept in memory, which the collector needs: so
 * there is one answer at a time for a connection, a time for it to be taken, and a bound for all together.
 */
export class Sending {
  readonly #longestMs: number;
  readonly #mostBytes: number;
  /** When the last of a connection's requests is answered. */
  readonly #turns = new WeakMap<Socket, Promise<void>>();
  #bytes = 0;

  constructor({ longestMs = LONGEST_MS, mostBytes = MOST_BYTES } = {}) {
    this.#longestMs = longestMs;
    this.#mostBytes = mostBytes;
  }

  /** Waits for the answers to what the same connection has asked for before; where it ends meanwhile, for ever. */
  turn({ socket }: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    const before = this.#turns.get(socket);
    this.#turns.set(socket, new Promise((resolve) => void response.once('close', resolve)));
    return before;
  }

  /** Ends a response with its body. @throws Problem 503 where too much is on its way */
  end(response: ServerResponse, status: number, headers: Record<string, string>, body: Uint8Array | undefined): void {
    const { length } = body ?? '';
    // A small one, such as this problem, is let through.
    if (this.#bytes + length > this.#mostBytes && length > response.writableHighWaterMark) {
      throw new Problem(503, 'Service Unavailable', 'too much is being sent to others; try again later', {
        headers: { 'retry-after': '10' },
      });
    }
    this.#bytes += length;
    const patience = setTimeout(() => response.destroy(), this.#longestMs);
    response.once('close', () => {
      clearTimeout(patience);
      this.#bytes -= length;
    });
    response.writeHead(status, headers).end(body);
  }
}
