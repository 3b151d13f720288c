import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import { MOST_STREAMS } from '../../../agent/web/http/streams.ts';
import type { MeterOutcome } from '../../../agent/web/live-feed.ts';
import { type StartedPage, startPage } from '../../support/page.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const started = () =>
  startPage({
    stateDir: temporaryDirectory(),
    meters: ['house', 'garage'].map((name) => ({ name, model: 'we-515', intervalMs: 1000 })),
    timeZone: 'Europe/Rome',
  });

function reading(meter: string, timeMs: number, power: number): MeterOutcome {
  const series = { measurement: 'energy', meter, model: 'we-515' };
  return { series, outcome: { timeMs, held: false, reading: { series, timeMs, values: { active_power: power } } } };
}
const gap = (meter: string, timeMs: number): MeterOutcome => ({
  series: { measurement: 'energy', meter, model: 'we-515' },
  outcome: { timeMs, held: false, cause: 'timeout', message: 'no answer' },
});

/** A stream's events as they come. */
async function opened(page: StartedPage, path = '/api/v1/stream') {
  const response = await page.get(path);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let ends = 0;
  /** Reads on until so many events are there; the first block is the time of reconnecting, with `hello`. */
  const wait = async (count: number) => {
    while (ends < count) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) break;
      text += value;
      ends += value?.match(/\n\n/g)?.length ?? 0;
    }
  };
  const until = async (count: number) => {
    await wait(count);
    return eventsIn(text);
  };
  return { response, until, wait, close: () => reader?.cancel() };
}

const eventsIn = (text: string) =>
  [...text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm)].map(([, name = '', data = '']) => [name, JSON.parse(data)]);

test('it begins with who there is and the newest of each meter, and goes on with all that is read or missed', async () => {
  const page = await started();
  page.feed.tell(reading('house', 1000, 100));
  page.feed.tell(reading('house', 2000, 200));
  page.feed.tell(gap('garage', 2000));
  const stream = await opened(page);
  expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  expect(stream.response.headers.get('cache-control')).toBe('no-store');
  await stream.until(3);
  page.feed.tell(reading('garage', 3000, 300));
  expect(await stream.until(4)).toEqual([
    ['hello', expect.objectContaining({ timeZone: 'Europe/Rome', meters: ['house', 'garage'] })],
    [
      'reading',
      expect.objectContaining({ meter: 'house', time: '1970-01-01T00:00:02.000Z', values: { active_power: 200 } }),
    ],
    ['gap', expect.objectContaining({ meter: 'garage', cause: 'timeout', message: 'no answer' })],
    ['reading', expect.objectContaining({ meter: 'garage', values: { active_power: 300 } })],
  ]);
  await stream.close();
});

test('it can be of one meter alone', async () => {
  const page = await started();
  page.feed.tell(reading('house', 1000, 100));
  const stream = await opened(page, '/api/v1/stream?meter=garage');
  await stream.until(1);
  page.feed.tell(reading('house', 2000, 100));
  page.feed.tell(reading('garage', 2000, 300));
  expect((await stream.until(2)).map(([, data]) => (data as { meter?: string }).meter)).toEqual([undefined, 'garage']);
  await stream.close();
  expect((await page.get('/api/v1/stream?metre=garage')).status).toBe(400);
});

test('one too many is refused until another ends', async () => {
  const page = await started();
  const streams = await Promise.all(Array.from({ length: MOST_STREAMS }, () => opened(page)));
  const refused = await page.get('/api/v1/stream');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
  await streams[0]?.close();
  await vi.waitFor(async () => {
    const next = await opened(page);
    expect(next.response.status).toBe(200);
    streams.push(next);
  });
  await Promise.all(streams.map((stream) => stream.close()));
});

test('who takes nothing of what is sent is left, and the others go on', async () => {
  const page = await started();
  const { hostname, port } = new URL(page.url);
  const deaf = connect(Number(port), hostname);
  const left = new Promise<void>((resolve) => deaf.once('close', () => resolve()));
  deaf.on('error', () => {});
  deaf.write('GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => deaf.once('readable', resolve));
  const stream = await opened(page);
  const values = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`quantity_${n}`, n]));
  // More than the kernel's buffers of both sides hold.
  const series = { measurement: 'energy', meter: 'house', model: 'we-515' };
  let told = 0;
  for (; told < 400; told++) {
    page.feed.tell({ series, outcome: { timeMs: told, held: false, reading: { series, timeMs: told, values } } });
    await stream.wait(told + 2);
  }
  deaf.resume();
  await left;
  page.feed.tell(reading('house', 5000, 100));
  expect(await stream.until(told + 2)).toHaveLength(told + 2);
  await stream.close();
});

test('streams end with the server', async () => {
  const page = await started();
  const stream = await opened(page);
  await stream.until(1);
  await page.stop();
  expect(await stream.until(2)).toHaveLength(1);
});
