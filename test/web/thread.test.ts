import { get } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { PageOptions } from '../../agent/web/options.ts';
import { PageThread, type PageThreadOptions } from '../../agent/web/thread.ts';
import { freePort } from '../support/free-port.ts';
import { HOUSE } from '../support/page.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SERIES = { measurement: 'energy', meter: 'house', model: 'we-515' };
const outcome = (timeMs: number) => ({
  timeMs,
  held: false,
  reading: { series: SERIES, timeMs, values: { active_power: timeMs } },
});
const realWorker = (options: PageOptions) =>
  new Worker(new URL('../../agent/web/worker.ts', import.meta.url), { workerData: options });

/** A connection for each request, which ends with it. */
function asked(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, async (response) => {
      resolve(Buffer.concat((await response.toArray()) as Buffer[]).toString());
    }).once('error', reject);
  });
}

/** A page whose threads are at hand. */
async function started(more: Partial<PageThreadOptions> = {}) {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const workers: Worker[] = [];
  const port = await freePort();
  const urls: string[] = [];
  const thread = new PageThread({
    address: { host: '127.0.0.1', port },
    stateDir,
    runtimeDirectory: stateDir,
    timeZone: undefined,
    meters: [HOUSE],
    web: { hosts: [], hideAfter: 1e9 },
    nextPort: false,
    log,
    onListening: (url) => urls.push(url),
    newWorker: (options) => {
      const worker = realWorker(options);
      workers.push(worker);
      return worker;
    },
    ...more,
  });
  onTestFinished(() => thread.end());
  await thread.start();
  const health = () => asked(`http://127.0.0.1:${port}/healthz`);
  return { thread, port, workers, lines, urls, health };
}

/** Takes a port, as another program would. */
async function occupied(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return server;
}

test('there is no thread until somebody comes; all who come meanwhile are served by one', async () => {
  const { workers, urls, port, health } = await started();
  expect(urls).toEqual([`http://127.0.0.1:${port}/`]);
  expect(workers).toHaveLength(0);
  expect(await Promise.all(Array.from({ length: 30 }, health))).toEqual(Array(30).fill('ok\n'));
  expect(await health()).toBe('ok\n');
  expect(workers).toHaveLength(1);
});

test('who comes first and ends with its question is answered', async () => {
  const { port } = await started();
  const socket = connect(port, '127.0.0.1');
  socket.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  expect(Buffer.concat((await socket.toArray()) as Buffer[]).toString()).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\nok\n$/);
});

// Linux resets who is in the queue of a listener that ends: microseconds, but a machine that is busy elsewhere stretches them.
test('nobody is refused while one takes over from the other, however often; at most one in many has to ask again', async () => {
  const { workers, health } = await started({ idleMs: 30 });
  let again = 0;
  for (let served = 1; workers.length < 4; served++) {
    const answer = await health().catch((error: NodeJS.ErrnoException) => {
      expect(error.code).toBe('ECONNRESET');
      again++;
      return health();
    });
    expect(answer).toBe('ok\n');
    expect(again).toBeLessThanOrEqual(2);
    // Idle for a while, now and again.
    await new Promise((resolve) => setTimeout(resolve, served % 5 === 0 ? 150 : 1));
  }
});

test('it ends when nobody looks, and knows what was read before it began', async () => {
  const { thread, workers, port } = await started({ idleMs: 1000 });
  thread.tell(SERIES, outcome(5000));
  const stream = await fetch(`http://127.0.0.1:${port}/api/v1/stream`);
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      // Else it would ask for ever, without a time-out.
      if (done) throw new Error(`the stream has ended: ${text}`);
      text += value;
    }
  };
  await until(/"active_power":5000/);
  thread.tell(SERIES, outcome(6000));
  await until(/"active_power":6000/);
  const ended = new Promise<void>((resolve) => workers[0]?.once('exit', () => resolve()));
  await reader?.cancel();
  await ended;
  expect(workers).toHaveLength(1);
});

test('one that dies is replaced with the next request', async () => {
  const { workers, health } = await started();
  await health();
  await workers[0]?.terminate();
  await vi.waitFor(async () => expect(await health()).toBe('ok\n'));
  expect(workers).toHaveLength(2);
});

test('one that stands still is ended, and said', async () => {
  const hung = "require('node:worker_threads').parentPort.on('message', () => {}); while (true);";
  const made: Worker[] = [];
  const { thread, port, lines } = await started({
    newWorker: () => {
      const worker = new Worker(hung, { eval: true });
      made.push(worker);
      return worker;
    },
  });
  const given = fetch(`http://127.0.0.1:${port}/healthz`).catch(() => 'refused');
  await vi.waitFor(() => expect(made).toHaveLength(1));
  const ended = new Promise<void>((resolve) => made[0]?.once('exit', () => resolve()));
  const nowMs = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs + 61_000);
  onTestFinished(() => clock.mockRestore());
  thread.tell(SERIES, outcome(1));
  thread.tell(SERIES, outcome(2));
  await ended;
  expect(lines.map(({ msg }) => msg)).toContain('the thread of the page stands still, and is ended');
  await thread.end();
  expect(await given).toBe('refused');
});

test('a port that is taken is said once, and had when it is free', async () => {
  const taken = await freePort();
  const other = await occupied(taken);
  const address = { host: '127.0.0.1', port: taken };
  const { lines, urls } = await started({ address, retryMs: 20 });
  const said = () => lines.filter(({ msg }) => /cannot be served/.test(String(msg)));
  expect(said()).toMatchObject([{ level: 40, hint: expect.stringMatching(/another port/) }]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(said()).toHaveLength(1);
  other.close();
  await vi.waitFor(() => expect(urls).toEqual([`http://127.0.0.1:${taken}/`]));
});

test('for a person who tries it, the next port that is free will do', async () => {
  const taken = await freePort();
  await occupied(taken);
  const { urls } = await started({ address: { host: '127.0.0.1', port: taken }, nextPort: true });
  const port = Number(new URL(urls[0] ?? '').port);
  expect(port).toBeGreaterThan(taken);
  expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).toBe('ok\n');
});

test.each([
  ['192.0.2.1', /give web\.listen one of its own/],
  ['no-such-host.invalid', /give web\.listen an address of this machine/],
])('an address that is not of this machine, %s, is said with what to do', async (host, hint) => {
  const { lines } = await started({ address: { host, port: await freePort() } });
  expect(lines).toMatchObject([{ level: 40, hint: expect.stringMatching(hint) }]);
});

test('its end frees the port, also before the thread has answered', async () => {
  const { thread, port, health } = await started();
  const cut = health().catch(() => 'cut');
  await vi.waitFor(() => undefined);
  await thread.end();
  expect(['cut', 'ok\n']).toContain(await cut);
  const server = await occupied(port);
  expect(server.listening).toBe(true);
});
