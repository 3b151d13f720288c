import { expect, test } from 'vitest';
import { countedBetween } from '../../agent/history/counting.ts';

const HOUR_MS = 3_600_000;
const ENERGY = { isEnergy: true, peakW: 0, step: 0.01 };

test.for([
  ['grows', 100, 100.01, 1000, { amount: 0.01, broken: false }],
  ['stands still', 100, 100, 1000, { amount: 0, broken: false }],
  ['grows over a gap of a day', 100, 160, 24 * HOUR_MS, { amount: 60, broken: false }],
  ['passes its maximum', 999_999.98, 0.01, 1000, { amount: 0.03, broken: false }],
  ['passes its maximum in a gap', 999_990, 12, HOUR_MS, { amount: 22, broken: false }],
  ['passes a maximum of five digits', 99_999.95, 0.05, 1000, { amount: 0.1, broken: false }],
  ['is reset to 0', 4236.89, 0, 1000, { amount: 0, broken: true }],
  ['is reset in a gap', 4236.89, 3.5, HOUR_MS, { amount: 3.5, broken: true }],
  ['is another meter’s, which shows less', 4236.89, 1200, HOUR_MS, { amount: 0, broken: true }],
  ['is another meter’s, which shows more', 4236.89, 8000, HOUR_MS, { amount: 0, broken: true }],
  ['is another meter’s within a second', 4236.89, 4240, 1000, { amount: 0, broken: true }],
] as const)('a counter that %s', ([, before, after, elapsedMs, expected]) => {
  const { amount, broken } = countedBetween(before, after, elapsedMs, ENERGY);
  expect({ amount: Math.round(amount * 1e6) / 1e6, broken }).toEqual(expected);
});

test('behind current transformers a counter grows as fast as its power tells', () => {
  const big = { isEnergy: true, peakW: 2e6, step: 0.01 };
  expect(countedBetween(100, 1900, HOUR_MS, big)).toEqual({ amount: 1800, broken: false });
  expect(countedBetween(100, 1900, HOUR_MS, ENERGY)).toEqual({ amount: 0, broken: true });
});

test('counters of the machine have no greatest speed, and begin anew at 0 with it', () => {
  const bytes = { isEnergy: false, peakW: 0, step: 1 };
  expect(countedBetween(5, 5e9, 1000, bytes)).toEqual({ amount: 5e9 - 5, broken: false });
  expect(countedBetween(5e9, 700, 60_000, bytes)).toEqual({ amount: 700, broken: true });
});
