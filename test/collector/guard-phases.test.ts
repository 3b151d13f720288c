import { expect, test } from 'vitest';
import { Guard } from '../../agent/collector/guard.ts';
import { MODELS } from '../../agent/meters/catalogue.ts';
import { SDM630 } from '../../agent/meters/eastron.ts';
import { WE_504 } from '../../agent/meters/orno.ts';
import type { Values } from '../../agent/readings/reading.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { restlessLoad } from '../support/restless-load.ts';

const START = Date.UTC(2026, 10, 21, 12);

/** An SDM630 with an uneven load; one phase feeds in. */
const GOOD: Values = {
  voltage_l1: 230,
  voltage_l2: 231,
  voltage_l3: 229,
  current_l1: 10,
  current_l2: 5,
  current_l3: 2,
  active_power_l1: 2300,
  active_power_l2: 924,
  active_power_l3: -458,
  reactive_power_l1: 0,
  reactive_power_l2: 693,
  reactive_power_l3: 0,
  apparent_power_l1: 2300,
  apparent_power_l2: 1155,
  apparent_power_l3: 458,
  power_factor_l1: 1,
  power_factor_l2: 0.8,
  power_factor_l3: -1,
  active_power: 2766,
  reactive_power: 693,
  apparent_power: 3913,
};

const checks = (values: Values) => new Guard(SDM630).judge(values, START).map(({ check }) => check);

test.for(
  MODELS.map((model) => [model.name, model] as const),
)('what a virtual %s measures is plausible, hour after hour', ([, model]) => {
  const meter = new VirtualMeter({ model, load: restlessLoad(3, 1000) }, START);
  const guard = new Guard(model);
  for (let second = 0; second < 300; second++) {
    const timeMs = START + second * 1000;
    meter.advance(timeMs);
    expect(guard.judge(meter.values(), timeMs)).toEqual([]);
    guard.accept(meter.values(), timeMs);
  }
});

test('an uneven load on three phases is plausible, whichever way the meter sums apparent power', () => {
  expect(checks(GOOD)).toEqual([]);
  expect(checks({ ...GOOD, apparent_power: Math.hypot(2766, 693) })).toEqual([]);
});

test('a phase that is not connected, or has failed, is plausible', () => {
  const dead = Object.keys(GOOD).filter((name) => name.endsWith('_l3'));
  const values = {
    ...GOOD,
    ...Object.fromEntries(dead.map((name) => [name, 0])),
    active_power: 3224,
    apparent_power: 3455,
  };
  expect(checks(values)).toEqual([]);
});

test.for([
  ['apparent power that is more than its phases', { apparent_power: 4700 }, 'power-triangle'],
  ['apparent power that is less than active power', { apparent_power: 2000 }, 'power-triangle'],
  ['a phase whose triangle is broken', { apparent_power_l2: 1700 }, 'power-triangle'],
  ['a phase whose power is another’s', { active_power_l2: 2300 }, 'power-factor'],
  ['a total that is not the sum', { active_power: 3682 }, 'power-sum'],
  ['a reactive total that is not the sum', { reactive_power: -693 }, 'power-sum'],
  ['a voltage of nowhere', { voltage_l2: 400 }, 'range'],
  ['a float that is no number', { active_power_l1: Number.NaN }, 'range'],
  ['an infinite one', { active_power_l1: Number.POSITIVE_INFINITY }, 'range'],
] as const)('%s is seen', ([, change, check]) => {
  expect(checks({ ...GOOD, ...change })).toContain(check);
});

test('the coarse current of a WE-504 is no contradiction', () => {
  const guard = new Guard(WE_504);
  // 0.19 A, cut off at 0.1 A.
  const values = {
    voltage: 230,
    current: 0.1,
    active_power: 44,
    reactive_power: 0,
    apparent_power: 44,
    power_factor: 1,
  };
  expect(guard.judge(values, START)).toEqual([]);
  expect(guard.judge({ ...values, active_power: 120, apparent_power: 120 }, START).map(({ check }) => check)).toEqual([
    'power-factor',
  ]);
});

test('the steps of a large float counter are no jumps', () => {
  const at = (kWh: number) => ({ active_energy_import: kWh });
  const guard = new Guard(SDM630, [{ timeMs: START, values: at(524_288) }]);
  // A float32 has steps of 0.0625 there; in a second an SDM630 can count 0.03.
  expect(guard.judge(at(524_288.063), START + 1000)).toEqual([]);
  expect(guard.judge(at(524_288.5), START + 1000).map(({ check }) => check)).toEqual(['counter']);
});
