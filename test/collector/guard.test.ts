import { expect, test } from 'vitest';
import { Guard } from '../../agent/collector/guard.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Values } from '../../agent/readings/reading.ts';

const GOOD: Values = {
  frequency: 50.01,
  voltage: 230.1,
  current: 5.41,
  active_power: 1232,
  reactive_power: 180,
  apparent_power: 1245,
  power_factor: 0.99,
  active_energy: 4231.45,
  active_energy_t1: 0,
  active_energy_t2: 4231.45,
  active_energy_t3: 0,
  active_energy_t4: 0,
  reactive_energy: 800.1,
  reactive_energy_t1: 0,
  reactive_energy_t2: 800.1,
  reactive_energy_t3: 0,
  reactive_energy_t4: 0,
};

const second = (n: number) => 1_800_000_000_000 + n * 1000;
const checks = (guard: Guard, values: Values, at = 1) =>
  guard.judge(values, second(at)).map((problem) => problem.check);

function guardAfterGood(): Guard {
  const guard = new Guard(WE_515);
  guard.accept(GOOD, second(0));
  return guard;
}

test('a sound sample passes; so does export, and a house that draws nothing', () => {
  const guard = guardAfterGood();
  expect(checks(guard, GOOD)).toEqual([]);
  expect(checks(guard, { ...GOOD, active_power: -1232, power_factor: -0.99 })).toEqual([]);
  expect(
    checks(guard, { ...GOOD, active_power: 0, reactive_power: 0, apparent_power: 0, current: 0, power_factor: 1 }),
  ).toEqual([]);
});

test.for([
  ['a voltage of another register', { voltage: 50.01 }, 'range'],
  ['a frequency of 0', { frequency: 0 }, 'range'],
  ['a power factor above 1', { power_factor: 1.2 }, 'range'],
  ['S that does not fit P and Q', { apparent_power: 2000 }, 'power-triangle'],
  ['P that does not fit V, I and PF', { active_power: 3200, apparent_power: 3205 }, 'power-factor'],
  ['a counter that falls', { active_energy: 4231.44 }, 'counter'],
  ['a counter that jumps', { active_energy_t2: 4240 }, 'counter'],
  ['the 9113 kWh spike of Home Assistant 138077', { active_energy: 4231.45 + 9113 }, 'counter'],
] as const)('%s is seen', ([, change, check]) => {
  expect(checks(guardAfterGood(), { ...GOOD, ...change })).toContain(check);
});

test('a counter may grow as fast as the meter can count, over any time', () => {
  const guard = guardAfterGood();
  expect(checks(guard, { ...GOOD, active_energy: 4231.45 + 0.02 })).toEqual([]);
  expect(checks(guard, { ...GOOD, active_energy: 4231.45 + 30 }, 3600)).toEqual([]);
  expect(checks(guard, { ...GOOD, active_energy: 4231.45 + 40 }, 3600)).toEqual(['counter']);
});

test('after a start whose clock is in doubt a counter may have grown by two months of a house, and not by more', () => {
  const start = () => {
    const guard = new Guard(WE_515, [{ timeMs: second(0), values: GOOD }]);
    guard.doubtTime();
    return guard;
  };
  // By its clock no second has passed, or fifty years have.
  for (const at of [0, -1_800_000_000]) {
    expect(checks(start(), { ...GOOD, active_energy: 4231.45 + 500 }, at)).toEqual([]);
    expect(checks(start(), { ...GOOD, active_energy: 4231.45 + 9113 }, at)).toEqual(['counter']);
    expect(checks(start(), { ...GOOD, active_energy: 4231 }, at)).toEqual(['counter']);
  }
  const guard = start();
  guard.accept(GOOD, second(10));
  expect(checks(guard, { ...GOOD, active_energy: 4231.45 + 1 }, 11)).toEqual(['counter']);
});

test('the last stored reading is the baseline after a restart', () => {
  const guard = new Guard(WE_515, [{ timeMs: second(0), values: GOOD }]);
  expect(checks(guard, { ...GOOD, active_energy: 1 })).toEqual(['counter']);
});

test('a spike is no replacement: it does not go on', () => {
  const guard = guardAfterGood();
  for (let n = 1; n <= 20; n++) {
    expect(guard.suspect({ ...GOOD, active_energy: 1000 + n * 50 }, second(n)).replaced).toBeUndefined();
  }
  expect(checks(guard, GOOD, 21)).toEqual([]);
});

test('a replaced meter is accepted when five samples agree, and counted on from there', () => {
  const guard = guardAfterGood();
  const fresh: Values = {
    ...GOOD,
    active_energy: 0.5,
    active_energy_t2: 0.5,
    reactive_energy: 0,
    reactive_energy_t2: 0,
  };
  for (let n = 1; n <= 4; n++) {
    expect(checks(guard, fresh, n)).not.toEqual([]);
    expect(guard.suspect(fresh, second(n)).replaced).toBeUndefined();
  }
  expect(guard.suspect(fresh, second(5)).replaced).toMatchObject({ active_energy: 4231.45 });
  expect(checks(guard, fresh, 6)).toEqual([]);
  expect(checks(guard, GOOD, 7)).not.toEqual([]);
});

test('a good sample in between ends the suspicion of a replacement', () => {
  const guard = guardAfterGood();
  const other: Values = { ...GOOD, active_energy: 9000 };
  for (let round = 0; round < 5; round++) {
    for (let n = 1; n <= 4; n++) expect(guard.suspect(other, second(round * 5 + n)).replaced).toBeUndefined();
    guard.accept(GOOD, second(round * 5 + 5));
  }
});

test('a relation that this meter never obeys is left out after 30 samples, and remembered', () => {
  const guard = guardAfterGood();
  const distorted = { ...GOOD, apparent_power: 2000 };
  for (let n = 1; n < 30; n++) expect(guard.suspect(distorted, second(n)).suspended).toEqual([]);
  expect(guard.suspect(distorted, second(30)).suspended).toEqual(['power-triangle']);
  expect(checks(guard, distorted, 31)).toEqual([]);
  const restarted = new Guard(WE_515, [{ timeMs: second(31), values: GOOD }], guard.state());
  expect(checks(restarted, distorted, 32)).toEqual([]);
});

test('a relation that only some loads break is left out as well', () => {
  const guard = guardAfterGood();
  const distorted = { ...GOOD, apparent_power: 2000 };
  let suspended: string[] = [];
  for (let n = 1; n <= 160 && suspended.length === 0; n++) {
    if (n % 40 < 20) guard.accept(GOOD, second(n));
    else suspended = guard.suspect(distorted, second(n)).suspended;
  }
  expect(suspended).toEqual(['power-triangle']);
});

test('rare failures are forgiven', () => {
  const guard = guardAfterGood();
  for (let n = 1; n <= 3000; n++) {
    if (n % 50 !== 0) guard.accept(GOOD, second(n));
    else expect(guard.suspect({ ...GOOD, apparent_power: 2000 }, second(n)).suspended).toEqual([]);
  }
});

test('a suspended relation comes back when it has held for an hour', () => {
  const guard = new Guard(WE_515, undefined, { suspended: ['power-triangle'] });
  for (let n = 0; n < 3600; n++) guard.accept(GOOD, second(n));
  expect(checks(guard, { ...GOOD, apparent_power: 2000 }, 31)).toEqual(['power-triangle']);
});
