import { expect, test } from 'vitest';
import { Backoff } from '../../agent/forwarding/backoff.ts';
import { Forwarder, type ForwarderOptions } from '../../agent/forwarding/forwarder.ts';
import type { WriteOutcome } from '../../agent/influxdb/write-outcome.ts';
import type { Position } from '../../agent/journal/cursors.ts';
import type { Delivery } from '../../agent/journal/feed.ts';
import type { Refused } from '../../agent/journal/quarantine.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { readingAt } from '../support/readings.ts';
import { recordingLog } from '../support/silent-log.ts';

const WRITTEN: WriteOutcome = { kind: 'written' };

/** A forwarder over readings 1 to `count` and a sink that answers as the test says; runs until all are taken. */
async function carry(
  count: number,
  answer: (seconds: number[], request: number) => WriteOutcome,
  options: Partial<ForwarderOptions> = {},
) {
  const requests: number[][] = [];
  const there = new Set<number>();
  const refused: Refused[] = [];
  const positions: Position[] = [];
  const { log, lines } = recordingLog();
  const stop = new AbortController();
  let position: Position = { key: 0, late: 0 };
  const forwarder = new Forwarder({
    sink: {
      name: 'test',
      target: 'nowhere',
      write: async (readings: readonly Reading[]) => {
        const seconds = readings.map(({ timeMs }) => timeMs / 1000);
        const outcome = answer(seconds, requests.push(seconds) - 1);
        if (outcome.kind === 'written') for (const second of seconds) there.add(second);
        return outcome;
      },
      close: () => {},
    },
    feed: {
      after: ({ key }, limit) => {
        const taken: Delivery[] = [];
        for (let next = key + 1; next <= count && taken.length < limit; next++) {
          taken.push({ key: next, reading: readingAt(next * 1000), position: { key: next, late: 0 } });
        }
        if (taken.length === 0) stop.abort();
        return taken;
      },
    },
    cursor: {
      get position() {
        return position;
      },
      refresh: () => false,
      advance: (next) => {
        position = next;
        positions.push(next);
      },
      save: () => {},
    },
    quarantine: (entry) => refused.push(entry),
    log,
    batchIntervalMs: 1,
    batchSize: 8,
    backoff: { firstMs: 1, longestMs: 4 },
    ...options,
  });
  await forwarder.run(stop.signal);
  return { requests, there: [...there], refused, positions, lines, status: forwarder.status };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test('readings go in order, in batches, and the cursor follows each success', async () => {
  const { requests, positions } = await carry(20, () => WRITTEN);
  expect(requests).toEqual([upTo(8), upTo(16).slice(8), upTo(20).slice(16)]);
  expect(positions.map(({ key }) => key)).toEqual([8, 16, 20]);
});

test.each([
  ['retry', { kind: 'retry', message: 'away' }],
  ['hold', { kind: 'hold', message: 'wrong token', hint: 'give another' }],
] as const)('while the server says %s the same batch is tried again, and the trouble is said once', async (_, trouble) => {
  const { requests, there, lines, status } = await carry(3, (_seconds, request) => (request < 20 ? trouble : WRITTEN));
  expect(requests).toHaveLength(21);
  expect(there).toEqual([1, 2, 3]);
  const level = trouble.kind === 'hold' ? 50 : 40;
  expect(lines.filter((line) => line.level === level)).toHaveLength(1);
  expect(lines).toContainEqual(expect.objectContaining({ level: 30, msg: 'test takes readings again' }));
  expect(status.problem).toBeUndefined();
});

test.each([1, 4, 5, 8, 13, 20])('reading %i that the server refuses is set aside and holds up none', async (bad) => {
  const { there, refused, status } = await carry(20, (seconds) =>
    seconds.includes(bad) ? { kind: 'invalid', message: 'unable to parse' } : WRITTEN,
  );
  expect(there.sort((a, b) => a - b)).toEqual(upTo(20).filter((second) => second !== bad));
  expect(refused).toEqual([
    expect.objectContaining({
      consumer: 'test',
      key: bad,
      reason: 'unable to parse',
      line: expect.stringContaining(`${bad}000`),
    }),
  ]);
  expect(status).toMatchObject({ written: 19, quarantined: 1 });
});

test('a server that refuses everything gets each reading once alone, and all are in quarantine', async () => {
  const { there, refused } = await carry(5, () => ({ kind: 'invalid', message: 'no' }));
  expect(there).toEqual([]);
  expect(refused.map(({ key }) => key)).toEqual([1, 2, 3, 4, 5]);
});

test('trouble in the midst of halving loses nothing', async () => {
  const { there, refused } = await carry(8, (seconds, request) => {
    if (request % 2 === 1) return { kind: 'retry', message: 'away' };
    return seconds.includes(6) ? { kind: 'invalid', message: 'no' } : WRITTEN;
  });
  expect(there.sort()).toEqual([1, 2, 3, 4, 5, 7, 8]);
  expect(refused.map(({ key }) => key)).toEqual([6]);
});

test('what is too large is halved, and later batches are smaller', async () => {
  const { requests, there } = await carry(20, (seconds) =>
    seconds.length > 3 ? { kind: 'too-large', message: 'too large' } : WRITTEN,
  );
  expect(there.sort((a, b) => a - b)).toEqual(upTo(20));
  expect(requests.slice(1).every((seconds) => seconds.length <= 4)).toBe(true);
});

test('after a server was down, what it acknowledged just before is sent again, once', async () => {
  const { requests, positions } = await carry(24, (_seconds, request) =>
    request === 2 ? { kind: 'retry', message: 'refused', serverDown: true } : WRITTEN,
  );
  const first = requests.map(([second]) => second);
  expect(first).toEqual([1, 9, 17, 17, 1, 9, 17]);
  expect(positions.at(-1)?.key).toBe(24);
});

test('a connection that breaks again and again does not send it back', async () => {
  const { requests } = await carry(24, (_seconds, request) =>
    request % 2 === 0 ? { kind: 'retry', message: 'reset' } : WRITTEN,
  );
  expect(requests.map(([second]) => second)).toEqual([1, 1, 9, 9, 17, 17]);
});

test('a server that keeps the newest in memory gets it again on a new connection, at most once a minute', async () => {
  const on = (connection: number): WriteOutcome => ({ kind: 'written', volatile: { connection } });
  const { requests, there } = await carry(40, (_seconds, request) => on(request < 3 ? 1 : request));
  // The fourth batch came on a new connection; that each one after it does, too, changes nothing.
  expect(requests.map(([first]) => first)).toEqual([1, 9, 17, 25, 1, 9, 17, 25, 33]);
  expect(there).toEqual(upTo(40));
});

test('points that the server left out are said and counted, the rest goes on', async () => {
  const { status, lines, positions } = await carry(8, () => ({ kind: 'written', refused: 'partial write: dropped=1' }));
  expect(positions.at(-1)?.key).toBe(8);
  expect(status).toMatchObject({ partlyRefused: 1, lastRefusal: 'partial write: dropped=1' });
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, reason: 'partial write: dropped=1' }));
});

test('pauses double up to a bound, are shortened at random, and keep to what the server asks for', () => {
  const backoff = new Backoff({ firstMs: 1000, longestMs: 60_000, random: () => 0 });
  expect(Array.from({ length: 8 }, () => backoff.nextMs())).toEqual([
    1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
  ]);
  expect(backoff.nextMs(90_000)).toBe(90_000);
  backoff.reset();
  expect(backoff.nextMs()).toBe(1000);
  const shortened = new Backoff({ firstMs: 1000, longestMs: 60_000, random: () => 0.999 });
  expect(shortened.nextMs()).toBeCloseTo(500, -1);
});
