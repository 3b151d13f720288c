import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';

/** Ports that are tried one after the other. */
const MOST_PORTS = 20;
/** Who came while the thread was starting. */
const MOST_WAITING = 64;
const LONGEST_WAIT_MS = 10_000;

export interface Address {
  host: string;
  port: number;
}

/**
 * Listens at the page's address as long as there is no thread that does: that takes 20 MB, for which most houses have no use most of
 * the day. Who comes first is held until the thread is there; then both listen for a moment (SO_REUSEPORT), so that nobody is refused. A
 * connection that arrives in the microseconds between the last look and the end of a listener is reset by Linux; browsers ask again.
 */
export class Doorman {
  readonly #onFirst: () => void;
  #server: Server | undefined;
  #opening: Promise<void> | undefined;
  /** Each with what ends its patience. */
  readonly #waiting = new Map<Socket, NodeJS.Timeout>();
  #accepted = 0;
  /** Where the thread takes what was held. */
  #through: string | undefined;

  /** @param onFirst somebody has come, and waits */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  /**
   * @param nextPort where the port is taken: the next one that is free
   * @returns where it listens
   * @throws AgentError where it cannot
   */
  async open({ host, port }: Address, nextPort: boolean): Promise<AddressInfo> {
    for (let tried = 0; ; tried++) {
      const address = { host, port: port + tried };
      try {
        // Two that share a port do not notice each other.
        await closed(await listening(createServer(), address, false));
        await this.reopen(address);
        return (this.#server as Server | undefined)?.address() as AddressInfo;
      } catch (error) {
        if (!nextPort || errnoOf(error) !== 'EADDRINUSE' || tried >= MOST_PORTS) throw refused(error, address);
      }
    }
  }

  /** Listens, also beside a thread that is about to end. */
  async reopen(address: Address): Promise<void> {
    if (this.#server) return;
    // A second one would listen for ever, as a port can be shared.
    this.#opening ??= this.#listen(address).finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async #listen(address: Address): Promise<void> {
    this.#through = undefined;
    // Who asks and says with it that nothing more follows is answered as well.
    this.#server = await listening(createServer({ pauseOnConnect: true, allowHalfOpen: true }), address, true);
    this.#server.on('connection', (socket) => this.#hold(socket));
    // A connection that could not be taken is no reason for the collector to end.
    this.#server.on('error', () => {});
  }

  /** The thread listens as well: it gets those who wait. @param path of a socket on which it takes them */
  handOver(path: string): void {
    this.#through = path;
    for (const [socket, patience] of this.#waiting) {
      clearTimeout(patience);
      pass(socket, path);
    }
    this.#waiting.clear();
    void this.#closeWhenEmpty();
  }

  /** Who is in a listener's queue is reset with it: it ends right after a look at the queue that has found nobody. */
  async #closeWhenEmpty(): Promise<void> {
    const server = this.#server;
    let before: number;
    do {
      before = this.#accepted;
      // The first is still of this round of the event loop, the second is behind a look at all sockets.
      await setImmediate();
      await setImmediate();
    } while (this.#accepted !== before);
    if (this.#server === server) this.#close();
  }

  /** Somebody waits for a thread. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** There is no thread for those who wait. */
  dismiss(): void {
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  close(): void {
    this.#close();
    this.dismiss();
  }

  #close(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  #hold(socket: Socket): void {
    this.#accepted++;
    socket.on('error', () => socket.destroy());
    if (this.#through !== undefined) {
      pass(socket, this.#through);
      return;
    }
    if (this.#waiting.size >= MOST_WAITING) {
      socket.destroy();
      return;
    }
    this.#waiting.set(
      socket,
      setTimeout(() => socket.destroy(), LONGEST_WAIT_MS),
    );
    socket.once('close', () => {
      clearTimeout(this.#waiting.get(socket));
      this.#waiting.delete(socket);
    });
    this.#onFirst();
  }
}

/** Both directions, until either side ends. */
function pass(socket: Socket, path: string): void {
  const through = connect(path);
  through.on('error', () => socket.destroy());
  through.once('close', () => socket.destroy());
  socket.once('close', () => through.destroy());
  socket.pipe(through).pipe(socket);
}

function listening(server: Server, address: Address, reusePort: boolean): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...address, reusePort }, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

const closed = (server: Server) => new Promise<void>((resolve) => void server.close(() => resolve()));

function refused(error: unknown, { host, port }: Address): AgentError {
  const hints: Record<string, string> = {
    EADDRINUSE: 'another program listens there; give web.listen another port',
    EADDRNOTAVAIL: 'this machine has no such address; give web.listen one of its own',
    EACCES: 'ports below 1024 are for root; give web.listen a higher one',
    ENOTFOUND: 'no address has this name; give web.listen an address of this machine',
  };
  const hint = hints[errnoOf(error) ?? ''];
  return new AgentError('unavailable', `${host}:${port}: ${messageOf(error)}`, hint === undefined ? {} : { hint });
}
