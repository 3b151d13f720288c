import { expect, test } from 'vitest';
import { Backoff } from '../../agent/forwarding/backoff.ts';
import { CursorKeeper } from '../../agent/forwarding/cursor-keeper.ts';
import { Forwarder, type ForwarderOptions } from '../../agent/forwarding/forwarder.ts';
import type { WriteOutcome } from '../../agent/influxdb/write-outcome.ts';
import { Cursors, type Position } from '../../agent/journal/cursors.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import type { Delivery } from '../../agent/journal/feed.ts';
import type { Refused } from '../../agent/journal/quarantine.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { readingAt } from '../support/readings.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const WRITTEN: WriteOutcome = { kind: 'written' };

/** A forwarder over readings 1 to `count` and a sink that answers as the test says; runs until all are taken. */
async function carry(
  count: number,
  answer: (seconds: number[], request: number, cursors: Cursors) => WriteOutcome,
  options: Partial<ForwarderOptions> = {},
  { stopAt = Number.POSITIVE_INFINITY } = {},
) {
  const requests: number[][] = [];
  const there = new Set<number>();
  const refused: Refused[] = [];
  const positions: Position[] = [];
  const { log, lines } = recordingLog();
  const stop = new AbortController();
  const db = openForWriting(temporaryDirectory());
  const cursors = new Cursors(db);
  const keeper = new CursorKeeper({ consumer: 'test', cursors, runtimeDirectory: temporaryDirectory(), log });
  const forwarder = new Forwarder({
    sink: {
      name: 'test',
      target: 'nowhere',
      write: async (readings: readonly Reading[]) => {
        const seconds = readings.map(({ timeMs }) => timeMs / 1000);
        const outcome = answer(seconds, requests.push(seconds) - 1, cursors);
        if (outcome.kind === 'written') for (const second of seconds) there.add(second);
        if (there.size >= stopAt) setImmediate(() => stop.abort());
        return outcome;
      },
      close: () => {},
    },
    feed: {
      after: ({ key }, limit) => {
        const deliveries: Delivery[] = [];
        for (let next = key + 1; next <= count && deliveries.length < limit; next++) {
          deliveries.push({ key: next, reading: readingAt(next * 1000) });
        }
        if (deliveries.length === 0) stop.abort();
        return { deliveries, position: { key: key + deliveries.length, late: 0 }, more: deliveries.length === limit };
      },
    },
    cursor: {
      get position() {
        return keeper.position;
      },
      refresh: () => keeper.refresh(),
      advance: (next, unsure) => {
        keeper.advance(next, unsure);
        positions.push(next);
      },
      lookBack: () => keeper.lookBack(),
      save: () => keeper.save(),
    },
    quarantine: (entry) => refused.push(entry),
    log,
    batchIntervalMs: 1,
    batchSize: 8,
    backoff: { firstMs: 1, longestMs: 4 },
    ...options,
  });
  await forwarder.run(stop.signal);
  db.close();
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

const on = (connection: number): WriteOutcome => ({ kind: 'written', volatile: { connection } });
const DOWN: WriteOutcome = { kind: 'retry', message: 'refused', serverDown: true };

test('after a server was down, what it had in memory alone is sent again, once', async () => {
  const { requests, positions } = await carry(24, (_seconds, request) => (request === 2 ? DOWN : on(1)));
  const first = requests.map(([second]) => second);
  expect(first).toEqual([1, 9, 17, 17, 1, 9, 17]);
  expect(positions.at(-1)?.key).toBe(24);
});

test('after a server was down that syncs what it acknowledges, nothing is sent again', async () => {
  const { requests } = await carry(24, (_seconds, request) => (request === 2 ? DOWN : WRITTEN));
  expect(requests.map(([second]) => second)).toEqual([1, 9, 17, 17]);
});

test('a cursor that was set back while the server is down stays there: nothing between is left out', async () => {
  const { requests, there } = await carry(40, (_seconds, request, cursors) => {
    // Set to 4 when 32 are there; the server is down after that.
    if (request === 3) cursors.set('test', { key: 4, late: 0 });
    return request === 4 ? DOWN : on(1);
  });
  expect(requests.map(([second]) => second)).toEqual([1, 9, 17, 25, 5, 5, 5, 13, 21, 29, 37]);
  expect(there).toHaveLength(40);
});

test('a connection that breaks again and again does not send it back', async () => {
  const { requests } = await carry(24, (_seconds, request) =>
    request % 2 === 0 ? { kind: 'retry', message: 'reset' } : WRITTEN,
  );
  expect(requests.map(([second]) => second)).toEqual([1, 1, 9, 9, 17, 17]);
});

test('a server that keeps the newest in memory gets it again on a new connection, at most once a minute', async () => {
  const { requests, there } = await carry(40, (_seconds, request) => on(request < 3 ? 1 : request < 6 ? 2 : 3));
  // The fourth batch came on a new connection; the seventh as well.
  expect(requests.map(([first]) => first)).toEqual([1, 9, 17, 25, 1, 9, 17, 25, 33]);
  expect(there).toEqual(upTo(40));
});

test('a proxy that opens a connection for each request tells nothing of the server behind it', async () => {
  const { requests } = await carry(24, (_seconds, request) => on(request));
  expect(requests.map(([first]) => first)).toEqual([1, 9, 17]);
});

test('a server that refuses one reading after the other holds, instead of emptying the journal into quarantine', async () => {
  const { there, refused, lines } = await carry(60, (_seconds, request) =>
    request < 80 ? { kind: 'invalid', message: 'no' } : WRITTEN,
  );
  expect(refused.map(({ key }) => key)).toEqual(upTo(20));
  expect(there.sort((a, b) => a - b)).toEqual(upTo(60).slice(20));
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 50, hint: expect.stringMatching(/one reading after the other/) }),
  );
});

test('a batch that takes too long is halved, and all of it arrives', async () => {
  const { requests, there } = await carry(
    400,
    (seconds) => (seconds.length > 60 ? { kind: 'retry', message: 'no answer', timedOut: true } : WRITTEN),
    { batchSize: 200 },
  );
  expect(requests.slice(0, 3).map((seconds) => seconds.length)).toEqual([200, 100, 50]);
  expect(there.sort((a, b) => a - b)).toEqual(upTo(400));
});

test('a batch that was smaller than others for a 413 does not make it pause while there is more', async () => {
  const { there } = await carry(
    600,
    (seconds) => (seconds.length > 50 ? { kind: 'too-large', message: 'too large' } : WRITTEN),
    { batchSize: 100, batchIntervalMs: 3_600_000 },
    { stopAt: 600 },
  );
  // A pause would outlast the test.
  expect(there).toHaveLength(600);
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
