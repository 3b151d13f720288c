import { expect, test } from 'vitest';
import { wrongValues } from '../support/fast-line.ts';
import { SECOND_MS, sharedRun } from '../support/shared-line.ts';
import { describeSharedLineFaults } from './shared-line-faults.ts';

describeSharedLineFaults('pty', 60, 31, ['one that dies', 'a slow one', 'a flapping one']);

test('a dead meter is found again soon after it comes back', async () => {
  const [deadMs, backMs] = [1000, 9000];
  const answers = (sinceMs: number) => sinceMs < deadMs || sinceMs > backMs;
  const runs = await sharedRun({ seed: 3, ticks: 60, transport: 'pty', meters: [{ unit: 1 }, { unit: 5, answers }] });
  const times = runs.get(5)?.readings.map(({ timeMs }) => timeMs) ?? [];
  const longestMs = Math.max(...times.slice(1).map((timeMs, i) => timeMs - (times[i] ?? 0)));
  expect(longestMs).toBeGreaterThan(backMs - deadMs - SECOND_MS);
  // Five of these seconds between two requests at most, and some for a busy machine.
  expect(longestMs).toBeLessThan(backMs - deadMs + 8 * SECOND_MS);
  expect(new Set(runs.get(5)?.gaps.map(({ cause }) => cause))).toContain('timeout');
});

test('with every fault on the line nothing wrong is read of any meter', async () => {
  const faults = { late: 0.1, double: 0.1, truncate: 0.05, crc: 0.05, noise: 0.05, silence: 0.05, echo: 0.05 };
  const meters = [{ unit: 1 }, { unit: 5, turnaroundMs: 30 }, { unit: 9, intervalMs: 2 * SECOND_MS }];
  const runs = await sharedRun({ seed: 17, ticks: 80, transport: 'pty', meters, faults });
  for (const run of runs.values()) expect(wrongValues(run, SECOND_MS)).toEqual([]);
  for (const run of runs.values()) expect(run.readings.length).toBeGreaterThan(8);
});
