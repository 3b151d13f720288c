import { expect, test } from 'vitest';
import { BusError } from '../../agent/modbus/bus-error.ts';
import { Health } from '../../agent/sources/health.ts';

const TIMING = { deadAfterMs: 3000, longestPauseMs: 5000 };
const timeout = new BusError('timeout', 'no answer in time');

/** Asks at each second unless it rests; @returns the seconds in which it was asked */
function asked(health: Health, seconds: number, error = timeout): number[] {
  const times: number[] = [];
  for (let second = 0; second < seconds; second++) {
    if (health.resting(second * 1000)) continue;
    times.push(second);
    health.failed(error, second * 1000, second * 1000 + 250);
  }
  return times;
}

test('a silent meter is asked each second, a dead one at growing distance, five seconds at the most', () => {
  expect(asked(new Health(TIMING), 30)).toEqual([0, 1, 2, 3, 4, 6, 10, 15, 20, 25]);
});

test('an answer ends it', () => {
  const health = new Health(TIMING);
  asked(health, 20);
  expect(health.isSilent).toBe(true);
  health.answered();
  expect([health.isSilent, health.answers, health.resting(20_000)]).toEqual([false, true, undefined]);
  expect([health.isShaky(40_000), health.isShaky(60_000)]).toEqual([true, false]);
});

test('a line that was opened anew is a reason to ask at once', () => {
  const health = new Health(TIMING);
  asked(health, 11);
  expect(health.resting(11_000)).toBeDefined();
  health.askAgain();
  expect(health.resting(11_000)).toBeUndefined();
});

test('a rest is told with the cause of the silence, how long it is and when it is asked, and ends the point', () => {
  const health = new Health(TIMING);
  const gateway = new BusError('exception', 'Modbus exception 11', { exceptionCode: 11 });
  asked(health, 11, gateway);
  expect(health.resting(12_000)).toMatchObject({
    kind: 'exception',
    exceptionCode: 11,
    final: true,
    message: 'no answer for 12 s; asked again each 5 s',
  });
});

test('a gateway that says nobody answers behind it is not asked again in the same second', () => {
  const health = new Health(TIMING);
  expect(health.failed(new BusError('exception', '', { exceptionCode: 11 }), 0, 10).final).toBe(true);
  expect(health.isUnanswered).toBe(true);
});

test('one lost answer, or two in one second, makes no meter a silent one', () => {
  const health = new Health(TIMING);
  health.failed(timeout, 0, 250);
  health.failed(timeout, 0, 500);
  expect([health.isUnanswered, health.isSilent]).toEqual([true, false]);
  health.failed(timeout, 1000, 1250);
  expect(health.isSilent).toBe(true);
});

test('a meter that refuses a register is there; noise and a lost line say nothing about it', () => {
  const health = new Health(TIMING);
  health.failed(timeout, 0, 250);
  health.failed(new BusError('crc', ''), 0, 300);
  health.failed(new BusError('disconnected', ''), 0, 300);
  expect(health.isUnanswered).toBe(true);
  expect(health.failed(new BusError('exception', '', { exceptionCode: 2 }), 0, 350).final).toBe(false);
  expect(health.answers).toBe(true);
});
