import { expect, test } from 'vitest';
import { Acceptance } from '../../agent/meters/acceptance.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { blockOf } from '../../agent/meters/planner.ts';

const WIDE = blockOf(WE_515.fields.slice(0, 7));
const LEFT = blockOf(WE_515.fields.slice(0, 2));
const RIGHT = blockOf(WE_515.fields.slice(2, 7));
const LONE = blockOf(WE_515.fields.slice(0, 1));
const MINUTE = 60_000;

const refuse = (acceptance: Acceptance, block: typeof WIDE, times: number, nowMs = 0) => {
  for (let i = 0; i < times; i++) acceptance.refusedBy(block, nowMs);
};

test('everything is allowed until it is refused three times in a row', () => {
  const acceptance = new Acceptance();
  refuse(acceptance, WIDE, 2);
  expect(acceptance.allows(WIDE)).toBe(true);
  refuse(acceptance, WIDE, 1);
  expect(acceptance.allows(WIDE)).toBe(false);
});

test('an answer in between clears the refusals: noise narrows nothing', () => {
  const acceptance = new Acceptance();
  refuse(acceptance, WIDE, 2);
  acceptance.answered(WIDE);
  refuse(acceptance, WIDE, 2);
  expect(acceptance.allows(WIDE)).toBe(true);
});

test('inside a refused range only what was answered is allowed', () => {
  const acceptance = new Acceptance();
  acceptance.answered(LEFT);
  refuse(acceptance, WIDE, 3);
  expect(acceptance.allows(LEFT)).toBe(true);
  expect(acceptance.allows(RIGHT)).toBe(false);
  acceptance.answered(RIGHT);
  expect(acceptance.allows(RIGHT)).toBe(true);
});

test('a refusal is tested again after ten minutes, and after twice as long each time it is repeated', () => {
  const acceptance = new Acceptance();
  refuse(acceptance, WIDE, 3);
  acceptance.retest(10 * MINUTE - 1);
  expect(acceptance.allows(WIDE)).toBe(false);
  acceptance.retest(10 * MINUTE);
  expect(acceptance.allows(WIDE)).toBe(true);
  refuse(acceptance, WIDE, 1, 10 * MINUTE);
  acceptance.retest(29 * MINUTE);
  expect(acceptance.allows(WIDE)).toBe(false);
  acceptance.retest(30 * MINUTE);
  expect(acceptance.allows(WIDE)).toBe(true);
  acceptance.answered(WIDE);
  expect(acceptance.state().refused).toEqual([]);
});

test('what was learned survives a restart', () => {
  const acceptance = new Acceptance();
  acceptance.answered(LEFT);
  acceptance.answered(RIGHT);
  refuse(acceptance, WIDE, 3);
  expect(acceptance.takeChanged()).toBe(true);
  expect(acceptance.takeChanged()).toBe(false);
  const again = new Acceptance(JSON.parse(JSON.stringify(acceptance.state())));
  expect(again.allows(WIDE)).toBe(false);
  expect(again.allows(RIGHT)).toBe(true);
});

test('a lone field that is refused and was never answered is taken for absent', () => {
  const acceptance = new Acceptance();
  refuse(acceptance, LONE, 3);
  expect(acceptance.lacks(LONE)).toBe(true);
  const other = new Acceptance();
  other.answered(WIDE);
  refuse(other, LONE, 3);
  expect(other.lacks(LONE)).toBe(false);
});

test('what was learned before there were function codes is of holding registers', () => {
  const { functionCode: _, fields: __, ...remembered } = WIDE;
  const refusal = { ...remembered, failures: 3, retestAtMs: 1, retestAfterMs: 10 * MINUTE };
  const acceptance = new Acceptance({ accepted: [], refused: [refusal] });
  expect(acceptance.allows(WIDE)).toBe(false);
  expect(acceptance.allows({ ...WIDE, functionCode: 4 })).toBe(true);
});

test('what a meter refuses of one space says nothing of the other', () => {
  const acceptance = new Acceptance();
  refuse(acceptance, WIDE, 3);
  expect(acceptance.allows({ ...LEFT, functionCode: 4 })).toBe(true);
  acceptance.answered({ ...LEFT, functionCode: 4 });
  expect(acceptance.allows(LEFT)).toBe(false);
});
