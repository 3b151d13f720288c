import fc from 'fast-check';
import { expect, test } from 'vitest';
import { doubtAbout } from '../../agent/backup/dates.ts';
import { judge, type Kept, type RetentionPolicy } from '../../agent/backup/retention.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);

const hourly = (count: number): Kept[] =>
  Array.from({ length: count }, (_, i) => ({ sequence: i + 1, storedMs: START_MS + i * HOUR_MS, verified: true }));

const kept = (snapshots: readonly Kept[], policy: RetentionPolicy) =>
  judge(snapshots, policy)
    .filter(({ keep }) => keep)
    .map(({ snapshot }) => snapshot.sequence);

test('the last ten of hourly ones stay', () => {
  expect(kept(hourly(30), { keepLast: 10 })).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
  expect(kept(hourly(3), { keepLast: 10 })).toEqual([1, 2, 3]);
});

test('of each hour, day, week and month the newest stays', () => {
  const snapshots = hourly(24 * 100);
  expect(kept(snapshots, { keepDaily: 3 })).toEqual([2352, 2376, 2400]);
  expect(kept(snapshots, { keepMonthly: 3 })).toEqual([24 * 59, 24 * 90, 2400]);
  // 2026-01-01 was a Thursday: weeks end on Sundays.
  expect(
    kept(snapshots, { keepWeekly: 2 }).map((sequence) => new Date(START_MS + (sequence - 1) * HOUR_MS).getUTCDay()),
  ).toEqual([0, 5]);
});

test('each verdict has its reason', () => {
  const verdicts = judge(hourly(3), { keepLast: 1, keepDaily: 2 });
  expect(verdicts.map(({ reasons }) => reasons)).toEqual([
    ['no rule keeps it'],
    ['no rule keeps it'],
    ['the newest', 'the newest that was verified', 'among the last 1', 'daily, 1 of 2'],
  ]);
});

test('the newest that was verified stays, however old', () => {
  const snapshots = hourly(30).map((snapshot) => ({ ...snapshot, verified: snapshot.sequence === 4 }));
  expect(kept(snapshots, { keepLast: 2 })).toEqual([4, 29, 30]);
});

test('a policy that keeps nothing is refused', () => {
  expect(() => judge(hourly(3), {})).toThrow(RangeError);
  expect(() => judge(hourly(3), { keepLast: 0 })).toThrow(RangeError);
});

test('whatever the clocks say: the newest stays, never more goes for a longer policy, and order is the sequence', () => {
  const snapshot = fc.record({ storedMs: fc.integer({ min: 0, max: 4e12 }), verified: fc.boolean() });
  const policy = fc.record({
    keepLast: fc.integer({ min: 1, max: 5 }),
    keepDaily: fc.integer({ min: 0, max: 5 }),
    keepWithinMs: fc.integer({ min: 0, max: 10 * HOUR_MS }),
  });
  fc.assert(
    fc.property(fc.array(snapshot, { minLength: 1, maxLength: 30 }), policy, (list, rules) => {
      const snapshots = list.map((one, i) => ({ ...one, sequence: i + 1 }));
      const stay = kept(snapshots, rules);
      expect(stay).toContain(snapshots.length);
      expect(stay).toEqual(expect.arrayContaining(kept(snapshots, { keepLast: rules.keepLast })));
      const verified = snapshots.filter((one) => one.verified).at(-1);
      if (verified) expect(stay).toContain(verified.sequence);
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('one date that cannot be right stops nothing: that backup stays, the others go by their dates', () => {
  const back = hourly(100).map((one) => (one.sequence === 50 ? { ...one, storedMs: one.storedMs - 9 * HOUR_MS } : one));
  expect(kept(back, { keepHourly: 3 })).toEqual([50, 98, 99, 100]);
  const ahead = hourly(100).map((one) => (one.sequence === 50 ? { ...one, storedMs: Date.UTC(2036, 0) } : one));
  expect(kept(ahead, { keepDaily: 2 })).toEqual([50, 96, 100]);
  const nowMs = START_MS + 100 * HOUR_MS;
  expect(doubtAbout(back, nowMs)).toBeUndefined();
  expect(doubtAbout(ahead, nowMs)).toBeUndefined();
});

test('dates that cannot be gone by are said: in the future, in no order, all of one moment', () => {
  const nowMs = START_MS + 10 * HOUR_MS;
  expect(doubtAbout(hourly(20), nowMs)).toMatch(/in the future/);
  const same = hourly(10).map((one) => ({ ...one, storedMs: START_MS }));
  expect(doubtAbout(same, nowMs)).toMatch(/copied without them/);
  const copied = hourly(10).map((one) => ({ ...one, storedMs: START_MS + one.sequence * 1000 }));
  expect(doubtAbout(copied, nowMs)).toMatch(/copied without them/);
  expect(doubtAbout(hourly(10), nowMs)).toBeUndefined();
  expect(doubtAbout([], nowMs)).toBeUndefined();
});

test('a copy without dates loses nothing by the backups that follow it; nor does a step of the clock', () => {
  const copied = Array.from({ length: 150 }, (_, i) => ({
    sequence: i + 1,
    storedMs: START_MS + i * 800,
    verified: true,
  }));
  const later = hourly(5).map((one) => ({ ...one, sequence: one.sequence + 150, storedMs: one.storedMs + HOUR_MS }));
  expect(kept([...copied, ...later], { keepDaily: 3 })).toEqual([...Array(150).keys()].map((i) => i + 1).concat(155));
  const jumped = hourly(168).map((one) => (one.sequence < 160 ? one : { ...one, storedMs: one.storedMs + 9e10 }));
  expect(doubtAbout(jumped, Number.MAX_SAFE_INTEGER)).toMatch(/was the clock wrong/);
});
