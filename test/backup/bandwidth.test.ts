import { expect, test } from 'vitest';
import { limitBandwidth } from '../../agent/backup/bandwidth.ts';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import type { Store } from '../../agent/backup/store.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const RATE = 100_000;

/** A line on which a put takes `takesMs`, under a clock of the test; what began when. */
function paced(takesMs = 0) {
  const clock = { nowMs: 5000 };
  const begun: { atMs: number; bytes: number }[] = [];
  const line = {
    put: async (_: string, { length: bytes }: Uint8Array) => {
      begun.push({ atMs: clock.nowMs, bytes });
      clock.nowMs += takesMs;
      return true;
    },
  } as unknown as Store;
  const sleep = async (ms: number) => {
    clock.nowMs += ms;
  };
  return { clock, begun, store: limitBandwidth(line, RATE, { now: () => clock.nowMs, sleep }) };
}

test.each([
  0, 3000, 30_000,
])('the mean of any stretch stays at or below the limit when each takes %i ms', async (takesMs) => {
  const { begun, store, clock } = paced(takesMs);
  for (let n = 0; n < 40; n++) {
    if (n === 20) clock.nowMs += 600_000;
    await store.put(`${n}`, Buffer.alloc(n % 3 === 0 ? 1_000_000 : 2000 * n));
  }
  for (let from = 0; from < begun.length; from++) {
    let sent = 0;
    for (let to = from; to < begun.length; to++) {
      const ms = (begun[to]?.atMs ?? 0) - (begun[from]?.atMs ?? 0);
      expect(sent).toBeLessThanOrEqual((ms / 1000) * RATE + 1e-6);
      sent += begun[to]?.bytes ?? 0;
    }
  }
});

test('the first goes at once, and small ones wait for each other only as long as they are', async () => {
  const { begun, store } = paced();
  for (let n = 0; n < 4; n++) await store.put(`${n}`, Buffer.alloc(500));
  expect(begun.map(({ atMs }) => atMs)).toEqual([5000, 5005, 5010, 5015]);
});

test('several at once share the line', async () => {
  const pauses: number[] = [];
  const line = { put: async () => true } as unknown as Store;
  const sleep = async (ms: number) => void pauses.push(ms);
  const store = limitBandwidth(line, RATE, { now: () => 0, sleep });
  await Promise.all(['a', 'b', 'c'].map((name) => store.put(name, Buffer.alloc(RATE))));
  expect(pauses).toEqual([1000, 2000]);
});

test('a line that is slower than the limit is never held up', async () => {
  const { begun, store } = paced(20_000);
  for (let n = 0; n < 3; n++) await store.put(`${n}`, Buffer.alloc(1_000_000));
  expect(begun.map(({ atMs }) => atMs)).toEqual([5000, 25_000, 45_000]);
});

test('all else is the store itself, unpaced', async () => {
  const inner = await DirectoryStore.open(temporaryDirectory());
  const never = async () => expect.unreachable();
  const store = limitBandwidth(inner, 1, { now: () => 0, sleep: never });
  expect(await store.put('objects/a', Buffer.from('1'))).toBe(true);
  expect((await store.get('objects/a'))?.toString()).toBe('1');
  for await (const { name } of store.list('objects/')) expect(name).toBe('objects/a');
  expect([store.label, store.provesWrites, await store.canRemove()]).toEqual([inner.label, false, true]);
  await store.remove('objects/a');
  expect(await store.get('objects/a')).toBeUndefined();
});
