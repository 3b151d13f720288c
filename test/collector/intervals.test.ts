import { expect, test } from 'vitest';
import { Guard } from '../../agent/collector/guard.ts';
import { MeterLoop } from '../../agent/collector/meter-loop.ts';
import { Schedule } from '../../agent/collector/schedule.ts';
import { SDM630 } from '../../agent/meters/eastron.ts';
import { intervalsOf } from '../../agent/meters/intervals.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Gap, Reading, Values } from '../../agent/readings/reading.ts';
import { SampleError } from '../../agent/sources/source.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { memoryOf } from '../support/fast-line.ts';
import { HOUSE } from '../support/readings.ts';
import { silentLog } from '../support/silent-log.ts';

const BASE = Date.UTC(2026, 10, 21, 12);
const second = (n: number) => BASE + n * 1000;

test('a name means its phases, directions and tariffs; the closest counts', () => {
  const given = { energy: 10_000, active_energy_import: 1000, active_energy_import_l2: 60_000, voltage: 5000 };
  const intervals = intervalsOf(SDM630, given);
  expect(intervals.get('active_energy_import')).toBe(1000);
  expect(intervals.get('active_energy_import_l1')).toBe(1000);
  expect(intervals.get('active_energy_import_l2')).toBe(60_000);
  expect(intervals.get('active_energy_export_l2')).toBe(10_000);
  expect(intervals.get('reactive_energy_import')).toBe(10_000);
  expect(intervals.get('voltage_l3')).toBe(5000);
  expect(intervals.get('voltage_l3_l1')).toBe(5000);
  expect(intervals.has('active_power')).toBe(false);
  expect(intervalsOf(SDM630, { voltage_l1: 5000 }).has('voltage_l1_l2')).toBe(false);
  expect([...intervalsOf(WE_515, { power: 2000 }).keys()]).toEqual([
    'active_power',
    'reactive_power',
    'apparent_power',
    'power_factor',
  ]);
});

test('a quantity rests until its next slot; what failed is due at once', () => {
  const schedule = new Schedule(new Map([['active_energy', 10_000]]));
  const isDue = (n: number) => !schedule.resting(second(n)).has('active_energy');
  expect(isDue(3)).toBe(true);
  schedule.taken({ active_energy: 5 }, second(3));
  expect([4, 9, 10].map(isDue)).toEqual([false, false, true]);
  // The sample of second 10 was lost.
  expect(isDue(11)).toBe(true);
  schedule.taken({ active_energy: 5 }, second(11));
  expect([12, 19, 20].map(isDue)).toEqual([false, false, true]);
  // A clock that was set back begins anew.
  expect(isDue(-500)).toBe(true);
});

/** Runs the loop over seconds; the source has what is asked for, and fails where `failsAt` says so. */
async function runFor(seconds: number, values: (n: number) => Values, failsAt: readonly number[] = []) {
  const readings: Reading[] = [];
  const gaps: Gap[] = [];
  const stop = new AbortController();
  const clock = new FakeClock(BASE);
  const loop = new MeterLoop({
    source: {
      series: HOUSE,
      decimals: {},
      sample: async (_deadlineMs, resting) => {
        const n = Math.floor((clock.wallMs() - BASE) / 1000);
        if (n >= seconds) stop.abort();
        if (failsAt.includes(n)) throw new SampleError('timeout', 'no answer');
        const entries = Object.entries(values(n)).filter(([name]) => !resting?.has(name));
        return { values: Object.fromEntries(entries), raw: '' };
      },
    },
    guard: new Guard(WE_515),
    journal: { append: (reading) => void readings.push(reading), appendGap: (gap) => void gaps.push(gap) },
    memory: memoryOf(),
    clock,
    log: silentLog,
    intervalMs: 1000,
    intervals: new Map([['active_energy', 10_000]]),
  });
  await loop.run(stop.signal);
  const counted = readings.filter((reading) => 'active_energy' in reading.values);
  return { readings, gaps, countedAt: counted.map(({ timeMs }) => (timeMs - BASE) / 1000), loop };
}

const HOUSEHOLD = (n: number): Values => ({ active_power: 9000, voltage: 230, active_energy: 100 + n * 0.0025 });

test('power each second, energy each ten: no reading is doubted, none is a gap', async () => {
  const { readings, gaps, countedAt, loop } = await runFor(45, HOUSEHOLD);
  expect(readings.length).toBeGreaterThanOrEqual(45);
  expect(gaps).toEqual([]);
  expect(loop.stats.suspicious).toBe(0);
  expect(readings.every(({ values }) => values.active_power === 9000)).toBe(true);
  expect(countedAt.filter((n) => n < 45)).toEqual([countedAt[0], 10, 20, 30, 40]);
});

test('an energy that was missed in its second comes with the next good reading', async () => {
  const { countedAt } = await runFor(25, HOUSEHOLD, [10, 11]);
  expect(countedAt.slice(1, 3)).toEqual([12, 20]);
});

test('a counter that jumps between two of its own readings is seen, whatever lies between', async () => {
  const { gaps, loop } = await runFor(25, (n) => ({ ...HOUSEHOLD(n), ...(n >= 10 ? { active_energy: 200 } : {}) }));
  expect(loop.stats.suspicious).toBeGreaterThan(0);
  expect(gaps[0]).toMatchObject({ cause: 'implausible', fromMs: second(10) });
});

test('a replaced meter is accepted after five of its counters, though other samples lie between', () => {
  const guard = new Guard(WE_515, [{ timeMs: BASE, values: { active_energy: 5000, reactive_energy: 900 } }]);
  const fast = { active_power: 100 };
  let replaced: Values | undefined;
  for (let n = 10; n <= 50; n += 10) {
    const counted = { ...fast, active_energy: 1 };
    expect(guard.judge(counted, second(n))).not.toEqual([]);
    replaced = guard.suspect(counted, second(n)).replaced;
    for (let between = 1; between < 10; between++) guard.accept(fast, second(n + between));
  }
  expect(replaced).toEqual({ active_energy: 5000, reactive_energy: 900 });
  // What the new meter has not shown yet is its own as well.
  expect(guard.judge({ active_energy: 1.01, reactive_energy: 0.5 }, second(60))).toEqual([]);
});

test('a relation whose values are lacking neither forgives nor trusts', () => {
  const guard = new Guard(WE_515);
  const broken = { active_power: 1000, reactive_power: 0, apparent_power: 3000 };
  let suspended: string[] = [];
  for (let n = 1; n <= 30; n++) {
    suspended = guard.suspect(broken, second(n * 10)).suspended;
    for (let between = 1; between < 10; between++) guard.accept({ voltage: 230 }, second(n * 10 + between));
  }
  expect(suspended).toEqual(['power-triangle']);
  for (let n = 0; n < 4000; n++) guard.accept({ voltage: 230 }, second(400 + n));
  expect(guard.judge(broken, second(5000))).toEqual([]);
});

test('after a restart each counter is compared with its own last reading', () => {
  const guard = new Guard(WE_515, [
    { timeMs: second(0), values: { active_energy: 5000, active_power: 1 } },
    { timeMs: second(9), values: { active_power: 1 } },
  ]);
  expect(guard.judge({ active_energy: 5000.1 }, second(10))).toEqual([]);
  expect(guard.judge({ active_energy: 4999 }, second(10)).map(({ check }) => check)).toEqual(['counter']);
});
