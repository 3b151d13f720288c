import { expect, test } from 'vitest';
import { Guard } from '../../agent/collector/guard.ts';
import { MeterLoop, type MeterLoopOptions } from '../../agent/collector/meter-loop.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Gap, Reading, Values } from '../../agent/readings/reading.ts';
import { type Sample, SampleError } from '../../agent/sources/source.ts';
import { systemClock } from '../../agent/system/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { memoryOf } from '../support/fast-line.ts';
import { HOUSE } from '../support/readings.ts';
import { recordingLog } from '../support/silent-log.ts';

const GOOD: Values = { voltage: 230, active_power: 100, active_energy: 5 };
const SPIKE: Values = { ...GOOD, active_energy: 9118 };

/** Runs the loop over what a source yields, one entry a call, until all is used up. */
async function runOver(
  calls: (Values | Error)[],
  options: Partial<MeterLoopOptions> = {},
  stop = new AbortController(),
) {
  const readings: Reading[] = [];
  const gaps: Gap[] = [];
  const { log, lines } = recordingLog();
  const left = [...calls];
  const sample = async (): Promise<Sample> => {
    const next = left.shift();
    if (left.length === 0) stop.abort();
    if (next instanceof Error) throw next;
    return { values: next ?? {}, raw: 'a000:00' };
  };
  const loop = new MeterLoop({
    source: { series: HOUSE, decimals: {}, sample },
    guard: new Guard(WE_515),
    journal: { append: (reading) => void readings.push(reading), appendGap: (gap) => void gaps.push(gap) },
    memory: memoryOf(),
    clock: systemClock,
    log,
    intervalMs: 100,
    ...options,
  });
  await loop.run(stop.signal);
  return { readings, gaps, lines, loop };
}

test('each point of the grid becomes a reading with its time, offset and duration', async () => {
  const { readings } = await runOver([GOOD, GOOD, GOOD]);
  expect(readings).toHaveLength(3);
  for (const { timeMs, values } of readings) {
    expect(timeMs % 100).toBe(0);
    expect(values).toMatchObject({ ...GOOD, start_offset: expect.any(Number), duration: expect.any(Number) });
  }
  expect(new Set(readings.map((reading) => reading.timeMs)).size).toBe(3);
});

test('a suspicious sample is read again within its second, counted, and logged with its bytes', async () => {
  const { readings, gaps, lines, loop } = await runOver([GOOD, SPIKE, GOOD, GOOD]);
  expect(readings.map((reading) => reading.values.active_energy)).toEqual([5, 5, 5]);
  expect(gaps).toEqual([]);
  expect(loop.stats).toMatchObject({ good: 3, suspicious: 1 });
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'suspicious sample, reading it again', raw: 'a000:00' }));
});

test('a sample that stays suspicious is a gap', async () => {
  const { readings, gaps, loop } = await runOver([GOOD, SPIKE, SPIKE, GOOD]);
  expect(readings).toHaveLength(2);
  expect(gaps.map((gap) => gap.cause)).toEqual(['implausible']);
  expect(loop.stats.gaps).toEqual({ implausible: 1 });
});

test('a failed sample is a gap of its cause', async () => {
  const { gaps } = await runOver([GOOD, new SampleError('timeout', 'no answer in time'), GOOD]);
  expect(gaps.map((gap) => gap.cause)).toEqual(['timeout']);
});

test("a gap's line has the time of the line and where the gap begins", async () => {
  const { gaps, lines } = await runOver([GOOD, new SampleError('timeout', 'no answer in time'), GOOD]);
  const from = new Date(gaps[0]?.fromMs ?? 0).toISOString();
  expect(lines).toContainEqual(
    expect.objectContaining({ msg: 'gap: no answer in time', time: expect.any(Number), from }),
  );
});

test('a defect of ours is a gap and a log entry, never the end', async () => {
  const { readings, gaps, lines } = await runOver([GOOD, new TypeError('x is not a function'), GOOD]);
  expect(readings).toHaveLength(2);
  expect(gaps.map((gap) => gap.cause)).toEqual(['internal']);
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, msg: 'unexpected error while reading' }));
});

test('what lies between the last known point and the start is a gap of its own cause', async () => {
  const lastKnownMs = Math.floor(Date.now() / 100) * 100 - 1000;
  const { gaps, readings } = await runOver([GOOD], { lastKnownMs });
  expect(gaps).toEqual([
    { series: HOUSE, fromMs: lastKnownMs + 100, toMs: (readings[0]?.timeMs ?? 0) - 100, cause: 'stopped' },
  ]);
});

test('a stall of the process is a gap, and its seconds are not made up for', async () => {
  const stall: Values = { ...GOOD };
  Object.defineProperty(stall, 'voltage', {
    enumerable: true,
    get: () => {
      const untilMs = performance.now() + 20;
      while (performance.now() < untilMs);
      return 230;
    },
  });
  const { readings, gaps } = await runOver([GOOD, ...Array.from({ length: 2 }, () => stall), GOOD, GOOD]);
  const times = readings.map((reading) => reading.timeMs);
  const missing = gaps.flatMap((gap) =>
    Array.from({ length: (gap.toMs - gap.fromMs) / 100 + 1 }, (_, i) => gap.fromMs + i * 100),
  );
  const all = [...times, ...missing].sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: all.length }, (_, i) => (all[0] ?? 0) + i * 100));
});

test('a long outage is said a few times, not each second', async () => {
  const { lines } = await runOver(
    [GOOD, ...Array.from({ length: 30 }, () => new SampleError('timeout', 'no answer')), GOOD],
    { clock: new FakeClock(10_800) },
  );
  expect(lines.filter((line) => line.level === 40)).toHaveLength(10);
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'the meter is read again', gaps: 30 }));
});

test.each([
  [1000, 990],
  [100, 99],
  [3_600_000, 3000],
])('a sample of an interval of %i ms may take %i ms: other meters of the line wait no longer', async (intervalMs, mostMs) => {
  const clock = new FakeClock(10_800);
  const stop = new AbortController();
  let allowedMs = Number.NaN;
  await runOver(
    [],
    {
      clock,
      intervalMs,
      source: {
        series: HOUSE,
        decimals: {},
        sample: (deadlineMs) => {
          allowedMs = deadlineMs - clock.monotonicMs();
          stop.abort();
          throw new SampleError('timeout', 'no answer in time');
        },
      },
    },
    stop,
  );
  expect(allowedMs).toBeLessThanOrEqual(mostMs);
  expect(allowedMs).toBeGreaterThan(mostMs * 0.9);
});
