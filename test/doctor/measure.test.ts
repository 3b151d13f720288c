import { expect, test } from 'vitest';
import { Line } from '../../agent/doctor/line.ts';
import { measure } from '../../agent/doctor/measure.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { virtualLine } from '../support/virtual-line.ts';

const NEVER = new AbortController().signal;
const READ = { unit: 1, functionCode: 3, address: 0x0131, count: 1 } as const;

test('answers that come when they were given up are no frames of somebody else', async () => {
  const { line: virtual } = virtualLine({ turnaroundMs: 1080 });
  const line = await Line.openSerial(virtual.linkPath, NEVER);
  const questions = { short: READ, long: { ...READ, count: 3 }, refused: [], isForeign: false };
  const measured = await measure(line, questions, WE_515, { forMs: 3000, patienceMs: 250, signal: NEVER });
  await line.close();
  expect(measured.failed).toBeGreaterThan(0);
  expect(measured.foreignFrames).toBe(0);
});
