import { expect, test } from 'vitest';
import { wrongValues } from '../support/fast-line.ts';
import { SECOND_MS, sharedRun } from '../support/shared-line.ts';
import { describeSharedLineFaults } from './shared-line-faults.ts';

describeSharedLineFaults('pty', 40, 31, ['one that dies', 'a slow one', 'a flapping one']);

test('with every fault on the line nothing wrong is read of any meter', async () => {
  const faults = { late: 0.1, double: 0.1, truncate: 0.05, crc: 0.05, noise: 0.05, silence: 0.05, echo: 0.05 };
  const meters = [{ unit: 1 }, { unit: 5, turnaroundMs: 30 }, { unit: 9, intervalMs: 2 * SECOND_MS }];
  const runs = await sharedRun({ seed: 17, ticks: 80, transport: 'pty', meters, faults });
  for (const run of runs.values()) expect(wrongValues(run, SECOND_MS)).toEqual([]);
  for (const run of runs.values()) expect(run.readings.length).toBeGreaterThan(8);
});
