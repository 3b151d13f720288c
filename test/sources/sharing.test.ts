import { expect, test } from 'vitest';
import { seededRandom } from '../../agent/simulator/random.ts';
import { type SimulatedMeter, type SimulatedRun, simulatedRun } from '../support/simulated-line.ts';

const MINUTES = 10;
const SECONDS = MINUTES * 60;

/** Answers after 5 to 40 ms, as meters do. */
function good(unit: number): SimulatedMeter {
  const random = seededRandom(unit);
  return { unit, latencyMs: () => 5 + random() * 35 };
}

const lost = (run: SimulatedRun | undefined) =>
  run?.points.flatMap((what, i) => (what === 'R' ? [] : [`${i} ${what}`]));
const readings = (run: SimulatedRun | undefined) => run?.points.filter((what) => what === 'R').length ?? 0;
const random = seededRandom(77);

test.for<[string, Omit<SimulatedMeter, 'unit'>]>([
  ['a dead one', { latencyMs: () => undefined }],
  ['one that dies and comes back', { latencyMs: (ms) => (ms > 60_500 && ms < 300_500 ? undefined : 20) }],
  ['one that answers half of its requests', { latencyMs: () => (random() < 0.5 ? undefined : 20) }],
  [
    'one that is there for seconds and not for seconds',
    { latencyMs: (ms) => (Math.floor(ms / 6800) % 2 ? undefined : 9) },
  ],
  ['one that answers within its time-out of half a second', { latencyMs: () => 400, responseMs: 500 }],
  ['one that answers after its time-out', { latencyMs: () => 400 }],
  ['one that takes a different time each time', { latencyMs: () => random() * 300 }],
  ['a dead one that is waited for long', { latencyMs: () => undefined, responseMs: 2000 }],
])('beside %s two good ones miss no second in ten minutes', async ([, other]) => {
  const runs = await simulatedRun([good(1), { unit: 3, ...other }, good(2)], SECONDS);
  // The very first point begins amid its slot, when nobody is known yet.
  for (const unit of [1, 2]) {
    expect(
      runs
        .get(unit)
        ?.points.slice(1)
        .filter((what) => what !== 'R'),
    ).toEqual([]);
    expect(runs.get(unit)?.points.length).toBeGreaterThanOrEqual(SECONDS);
  }
  // Each of its own seconds is a reading or a gap too.
  expect(runs.get(3)?.points.length).toBeGreaterThanOrEqual(SECONDS);
});

test('two dead ones cost two good ones nothing, and are asked each five seconds', async () => {
  const dead = (unit: number): SimulatedMeter => ({ unit, latencyMs: () => undefined });
  const runs = await simulatedRun([dead(3), good(1), dead(4), good(2)], SECONDS);
  for (const unit of [1, 2])
    expect(
      runs
        .get(unit)
        ?.points.slice(1)
        .filter((what) => what !== 'R'),
    ).toEqual([]);
  for (const unit of [3, 4]) {
    expect(new Set(runs.get(unit)?.points.slice(1))).toEqual(new Set(['timeout']));
    expect(runs.get(unit)?.requests).toBeGreaterThan(SECONDS / 6);
    expect(runs.get(unit)?.requests).toBeLessThan(SECONDS / 4);
  }
});

test('a dead one alone on its line is asked each second', async () => {
  const runs = await simulatedRun([{ unit: 3, latencyMs: () => undefined }], 60);
  expect(runs.get(3)?.requests).toBeGreaterThanOrEqual(60);
});

test('one that dies is found again within seconds after it comes back', async () => {
  const [deadMs, backMs] = [20_500, 60_500];
  const dying: SimulatedMeter = { unit: 3, latencyMs: (ms) => (ms > deadMs && ms < backMs ? undefined : 10) };
  const runs = await simulatedRun([good(1), dying], 120);
  const points = runs.get(3)?.points ?? [];
  expect(points.lastIndexOf('timeout') - points.indexOf('timeout')).toBeLessThanOrEqual((backMs - deadMs) / 1000 + 6);
});

test('meters of different intervals and settings miss nothing beside a dead one', async () => {
  const slowLine = { baudRate: 19200, parity: 'none', dataBits: 8, stopBits: 1 } as const;
  const meters: SimulatedMeter[] = [
    { ...good(1), intervalMs: 2000 },
    { ...good(2), wire: slowLine },
    { ...good(4), intervalMs: 10_000 },
    { unit: 3, latencyMs: () => undefined },
  ];
  const runs = await simulatedRun(meters, SECONDS);
  for (const unit of [1, 2, 4]) expect(lost(runs.get(unit))?.filter((what) => !/^[01] /.test(what))).toEqual([]);
});

test('a line that carries four of seven meters reads four each second, each meter as often', async () => {
  const runs = await simulatedRun(
    [1, 2, 3, 4, 5, 6, 7].map((unit) => ({ unit, latencyMs: () => 10 })),
    210,
  );
  const each = [...runs.values()].map(readings);
  expect(Math.min(...each)).toBeGreaterThan(112);
  expect(Math.max(...each) - Math.min(...each)).toBeLessThan(5);
});

test('a slow one on a full line takes nothing from those that need less', async () => {
  const runs = await simulatedRun([good(1), good(2), { unit: 3, latencyMs: () => 200 }], 120);
  for (const unit of [1, 2])
    expect(
      runs
        .get(unit)
        ?.points.slice(1)
        .filter((what) => what !== 'R'),
    ).toEqual([]);
});

test.for([1, 3, 10])('a meter that was slow for %i s is read each second again when it is not', async (slowS) => {
  const isSlow = (ms: number) => ms >= 60_000 && ms < 60_000 + slowS * 1000;
  // Three answers of 240 ms leave no time for the other meter.
  const stalls: SimulatedMeter = { unit: 1, latencyMs: (ms) => (isSlow(ms) ? 240 : 10) };
  const runs = await simulatedRun([stalls, { unit: 2, latencyMs: () => 10 }], 240);
  const after = (unit: number) => lost(runs.get(unit))?.filter((text) => Number.parseInt(text, 10) >= 60 + slowS);
  expect([after(1), after(2)]).toEqual([[], []]);
  expect(lost(runs.get(2))?.length).toBeLessThanOrEqual(1);
});
