import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Problem } from '../../../agent/web/http/problem.ts';
import { Sending } from '../../../agent/web/http/sending.ts';
import { startPage } from '../../support/page.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** Asks, and takes nothing of what is said. */
async function deaf(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await new Promise((resolve) => socket.write(text, resolve));
  return socket.pause();
}

/** More than the kernel keeps for both sides. */
const HUGE = Buffer.alloc(32 * 2 ** 20);

/** A server that sends the same to whoever asks. */
async function serving(sending: Sending, body = HUGE) {
  const ended: string[] = [];
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    response.once('close', () => ended.push(request.url ?? ''));
    try {
      sending.end(response, 200, {}, body);
      statuses.push(200);
    } catch (error) {
      const { status } = error as Problem;
      statuses.push(status);
      sending.end(response, status, {}, Buffer.from('problem'));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  onTestFinished(() => server.closeAllConnections());
  return { port: (server.address() as AddressInfo).port, ended, statuses };
}

test('of many requests in one packet only as many are answered as are taken', async () => {
  const page = await startPage({ stateDir: temporaryDirectory() });
  const { port } = new URL(page.url);
  const asked = 500;
  await deaf(Number(port), 'GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(asked));
  let answered = 0;
  await vi.waitFor(async () => {
    const before = answered;
    const metrics = await (await page.get('/metrics')).text();
    answered = Number(/page_requests_total\{code="200"\} (\d+)/.exec(metrics)?.[1] ?? 0);
    // No more comes than the next look at the metrics.
    expect(answered - before).toBe(1);
  }, 20_000);
  expect(answered).toBeLessThan(asked);
});

test('requests in one packet are answered one after the other', async () => {
  const page = await startPage({ stateDir: temporaryDirectory() });
  const { port } = new URL(page.url);
  const paths = ['/healthz', '/nothing', '/api/v1/session', '/healthz'];
  const last = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join('') + last);
  const said = Buffer.concat((await socket.toArray()) as Buffer[]).toString();
  expect([...said.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
    '200',
    '404',
    '200',
    '200',
    '200',
  ]);
});

test('who does not take an answer is left after a while', async () => {
  const { port, ended } = await serving(new Sending({ longestMs: 50, mostBytes: Number.POSITIVE_INFINITY }));
  await deaf(port, 'GET /deaf HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await vi.waitFor(() => expect(ended).toEqual(['/deaf']));
});

test('where too much is on its way others are told to come later, and served when there is room', async () => {
  const { port, ended, statuses } = await serving(new Sending({ mostBytes: HUGE.length }));
  const ask = () => deaf(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const first = await ask();
  await vi.waitFor(() => expect(statuses).toEqual([200]));
  await ask();
  await vi.waitFor(() => expect(statuses).toEqual([200, 503]));
  first.destroy();
  await vi.waitFor(() => expect(ended).toHaveLength(2));
  await ask();
  await vi.waitFor(() => expect(statuses).toEqual([200, 503, 200]));
});
