import { expect, test } from 'vitest';
import { untilQuiet } from '../../agent/system/quiet-moment.ts';

test.for([
  [10_000, 0, 10_600],
  [10_000, 600, 10_000],
  [10_000, 601, 10_999],
  [20_000, 999, 20_601],
])('%i ms from .%i of a second on become %i: never less, never a second more', ([ms, atMs, expected]) => {
  expect(untilQuiet(ms ?? 0, 1_795_000_000_000 + (atMs ?? 0))).toBe(expected);
});
