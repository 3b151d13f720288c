import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import type { InfluxAddress } from '../../../agent/influxdb/client.ts';
import { openStream, type StreamRequest } from '../../../agent/influxdb/snapshot/http-stream.ts';
import { selfSigned } from '../../support/certificate.ts';
import { nonsensePort } from '../../support/fault-proxy.ts';
import { freePort } from '../../support/free-port.ts';
import { type ScriptedAnswer, scriptedServer } from '../../support/scripted-server.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { collect } from './chunks.ts';

const BODY = Buffer.from(Array.from({ length: 60 }, (_, i) => `line ${i * i}\n`).join(''));
const PACKED = gzipSync(BODY);
const GZIP = { 'content-encoding': 'gzip' };

async function read(address: InfluxAddress, request: Partial<StreamRequest> = {}): Promise<string> {
  const { body } = await openStream(address, '/x', { timeoutMs: 5000, ...request });
  return (await collect(body)).toString();
}

test.each<[string, ScriptedAnswer]>([
  ['with its length', { body: BODY }],
  ['in chunks', { body: BODY, chunked: true }],
  ['packed, with its length', { body: PACKED, headers: GZIP }],
  ['packed, in chunks', { body: PACKED, headers: GZIP, chunked: true }],
  ['packed, byte by byte', { body: PACKED, headers: GZIP, chunked: true, drip: { bytes: 7, everyMs: 1 } }],
])('a body %s is read; each place where it can be cut off is found', async (_how, answer) => {
  const server = await scriptedServer(() => answer);
  expect(await read(server)).toBe(BODY.toString());
  const length = answer.body?.length ?? 0;
  // Of a body in chunks all bytes can be there, and its end not.
  const last = answer.chunked ? length : length - 1;
  const step = answer.drip ? 40 : 3;
  for (let cutAt = last; cutAt >= 0; cutAt -= step) {
    server.script = () => ({ ...answer, cutAt });
    await expect(read(server), `${cutAt}`).rejects.toThrow(/broke off|cut off|ECONNRESET|socket hang up/);
  }
});

test('gzip that ends too early, is damaged or has something behind it is found although HTTP is content', async () => {
  const server = await scriptedServer(() => undefined);
  for (let end = 0; end < PACKED.length; end += 3) {
    server.script = () => ({ body: PACKED.subarray(0, end), headers: GZIP });
    if (end > 0) await expect(read(server), `${end}`).rejects.toMatchObject({ name: 'BrokenAnswer' });
  }
  for (let at = 10; at < PACKED.length; at += 3) {
    const damaged = Buffer.from(PACKED);
    damaged[at] = (damaged[at] ?? 0) ^ 0x40;
    server.script = () => ({ body: damaged, headers: GZIP });
    await expect(read(server), `${at}`).rejects.toMatchObject({ name: 'BrokenAnswer' });
  }
  server.script = () => ({ body: Buffer.concat([PACKED, Buffer.from('{"code":"x"}')]), headers: GZIP });
  await expect(read(server)).rejects.toMatchObject({ name: 'BrokenAnswer' });
});

test('silence is given up, before the answer and within it; slowness is not', async () => {
  const server = await scriptedServer(() => ({ body: BODY, hangAt: 100 }));
  const silent = { code: 'ETIMEDOUT', message: 'nothing came for 0.1 s' };
  await expect(read(server, { timeoutMs: 100 })).rejects.toMatchObject(silent);
  server.script = () => new Promise(() => {});
  await expect(read(server, { timeoutMs: 100 })).rejects.toMatchObject(silent);
  server.script = () => ({ body: BODY.subarray(0, 75), drip: { bytes: 1, everyMs: 20 } });
  expect(await read(server, { timeoutMs: 1200 })).toBe(BODY.subarray(0, 75).toString());
});

test('the server waits for who reads, and that time is no silence', async () => {
  const large = Buffer.alloc(32 * 1024 * 1024, 'x');
  const server = await scriptedServer(() => ({ body: large, drip: { bytes: 65_536, everyMs: 0 } }));
  const { body } = await openStream(server, '/x', { timeoutMs: 1200 });
  expect((await body.next()).done).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  // What fits into the buffers of two sockets.
  expect(server.sent.get('/x')).toBeLessThan(16 * 1024 * 1024);
  let bytes = 0;
  for await (const piece of body) bytes += piece.length;
  expect(bytes).toBeGreaterThan(31 * 1024 * 1024);
});

test('aborting ends it with the reason, before and within the answer', async () => {
  const reason = new Error('stopped');
  const server = await scriptedServer(() => ({ body: BODY, hangAt: 10 }));
  const within = new AbortController();
  const { body } = await openStream(server, '/x', { timeoutMs: 5000, signal: within.signal });
  expect((await body.next()).done).toBe(false);
  within.abort(reason);
  await expect(body.next()).rejects.toBe(reason);
  server.script = () => new Promise(() => {});
  const before = new AbortController();
  const opening = openStream(server, '/x', { timeoutMs: 5000, signal: before.signal });
  setTimeout(() => before.abort(reason), 50);
  await expect(opening).rejects.toBe(reason);
});

test('a body that is left closes its connection, one that is read keeps it', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  let opened = 0;
  const connections = { agent, opened: () => opened, close: () => agent.destroy() };
  agent.on('free', () => opened++);
  const server = await scriptedServer(() => ({ body: PACKED, headers: GZIP, chunked: true }));
  const address = { ...server, connections };
  for (let i = 0; i < 3; i++) expect(await read(address)).toBe(BODY.toString());
  expect(opened).toBeGreaterThanOrEqual(2);
  const { body } = await openStream(address, '/x', { timeoutMs: 5000 });
  await body.next();
  await body.return(undefined);
  expect(await read(address)).toBe(BODY.toString());
});

test('the path of the URL comes first, the token goes along and stands in no error', async () => {
  const token = 'very-secret-token';
  const seen: string[] = [];
  const server = await scriptedServer((path, { headers }) => {
    seen.push(`${path} ${headers.authorization}`);
    return { body: 'x' };
  });
  await read({ url: `${server.url}/influx/`, token }, { query: { since: '2026-03-01T00:00:00.000Z' } });
  expect(seen).toEqual([`/influx/x?since=2026-03-01T00%3A00%3A00.000Z Token ${token}`]);
  for (const port of [await freePort(), await nonsensePort()]) {
    const failure: Error = await read({ url: `http://127.0.0.1:${port}`, token }).then(
      () => expect.unreachable(),
      (error: Error) => error,
    );
    expect(failure.name).toBe('InfluxUnreachable');
    expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toContain(token);
  }
});

test('https with an authority of its own is read, one that nobody knows is refused', async () => {
  const { cert, key, ca } = selfSigned(temporaryDirectory());
  const tls = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  const server = await scriptedServer(() => ({ body: PACKED, headers: GZIP }), tls);
  expect(await read({ url: server.url, ca })).toBe(BODY.toString());
  await expect(read({ url: server.url })).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
});
