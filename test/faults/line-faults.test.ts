import { expect, test } from 'vitest';
import { fastRun, wrongValues } from '../support/fast-line.ts';
import { describeLineFaults } from './line-faults.ts';

describeLineFaults('pty', 160, 11);

test('the oracle sees wrong values: without waiting for late replies, late ones are stored', async () => {
  const run = await fastRun({
    seed: 7,
    ticks: 400,
    faults: { late: 0.2 },
    transport: 'pty',
    timing: { lateReplyMs: 0 },
  });
  expect(wrongValues(run).length).toBeGreaterThan(0);
});
