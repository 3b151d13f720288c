import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { constants, setPriority } from 'node:os';

/**
 * What somebody on the network does to a page for some seconds, as a process of its own, so that it takes no time from the test:
 * argv: kind, port, seconds. Only of 127.0.0.1, and it ends by itself.
 */
const [, , kind = '', portText = '', secondsText = ''] = process.argv;
const port = Number(portText);
const endMs = Date.now() + Number(secondsText) * 1000;
// The reader of the meter is not to lack a processor because of us.
setPriority(constants.priority.PRIORITY_LOW);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const isOver = () => Date.now() >= endMs;

/** A header that goes on for ever, a byte at a time. */
async function slowHeaders(): Promise<void> {
  while (!isOver()) {
    const socket = opened(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: `);
    while (!socket.destroyed && !isOver()) {
      socket.write('x');
      await sleep(500);
    }
    socket.destroy();
  }
}

/** Asks for what is large, and takes a little of it. */
async function slowReader(path: string): Promise<void> {
  while (!isOver()) {
    const socket = opened(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    socket.pause();
    for (let n = 0; n < 20 && !socket.destroyed && !isOver(); n++) {
      socket.read(10);
      await sleep(500);
    }
    socket.destroy();
  }
}

function opened(text: string): Socket {
  const socket = connect(port, '127.0.0.1', () => socket.write(text));
  return socket.on('error', () => socket.destroy()).on('end', () => socket.destroy());
}

/** One request after the other, each with a connection of its own. */
async function requests(paths: readonly string[], agent: Agent | false): Promise<void> {
  for (let n = 0; !isOver(); n++) {
    await new Promise<void>((resolve) => {
      const options = { host: '127.0.0.1', port, path: paths[n % paths.length] ?? '/', agent, timeout: 20_000 };
      const asked = get(options, (response) => response.resume().once('close', resolve));
      asked.once('error', () => resolve()).once('timeout', () => asked.destroy());
    });
  }
}

const many = (count: number, one: () => Promise<void>) => Promise.all(Array.from({ length: count }, one));
const EXPENSIVE = ['/api/v1/series?meter=house&points=5000', '/api/v1/health', '/api/v1/energy?meter=house&by=hour'];

const KINDS: Readonly<Record<string, () => Promise<unknown>>> = {
  'slow-headers': () => many(300, slowHeaders),
  'slow-readers': () => many(100, () => slowReader('/api/v1/stream')),
  connections: () => many(20, () => requests(['/', '/healthz'], false)),
  requests: () => many(20, () => requests(EXPENSIVE, new Agent({ keepAlive: true }))),
};

await KINDS[kind]?.();
process.exit(0);
