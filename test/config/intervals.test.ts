import { expect, test } from 'vitest';
import { ConfigError } from '../../agent/config/config-error.ts';
import { parseConfig } from '../../agent/config/load.ts';

const mistakesOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

const intervalProblems = (intervals: string, model = 'we-515', interval = '1s') =>
  mistakesOf(() =>
    parseConfig(
      `meters:\n  - {name: a, model: ${model}, interval: ${interval}, connection: {tcp: host}, intervals: ${intervals}}\n`,
      'x',
    ),
  );

test.for([
  ['{energy: 10s, voltage: 5s, active_power: 2s}', 'we-515', '1s'],
  ['{active_energy: 10s}', 'sdm630', '1s'],
  ['{power: 1s}', 'sdm630', '250ms'],
] as const)('intervals %s of a %s are right', ([intervals, model, interval]) => {
  expect(intervalProblems(intervals, model, interval)).toBe('');
});

test.for([
  ['{energie: 10s}', 'intervals.energie: unknown quantity; did you mean energy?'],
  ['{active: 10s}', 'intervals.active: unknown quantity; use power, energy or the name of a quantity'],
  ['{voltage_l2: 10s}', 'intervals.voltage_l2: we-515 has none of it; energy-monitor meter describe shows'],
  ['{energy: 2500ms}', 'intervals.energy: is "2500ms"; use a whole multiple of the meter\'s interval, 1000 ms'],
  ['{energy: 500ms}', 'intervals.energy: is "500ms"; use a whole multiple'],
  ['{energy: 10}', 'intervals.energy: is 10; write a duration with its unit, such as 1s to 1d'],
  ['10s', 'intervals: is "10s"; write intervals of quantities that are read less often, such as {energy: 10s}'],
  [
    '{power: 10s, energy: 10s, voltage: 10s, current: 10s, frequency: 10s, power_factor: 10s}',
    'intervals: leave nothing to be read each 1000 ms; write a longer interval for the meter instead',
  ],
] as const)('intervals %s: %s', ([intervals, said]) => {
  expect(intervalProblems(intervals)).toContain(said);
});
