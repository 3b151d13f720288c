import { expect, test } from 'vitest';
import { type Attempt, planAttempts, planMs } from '../../agent/doctor/attempts.ts';
import { MODELS } from '../../agent/meters/catalogue.ts';

const PLAN = planAttempts({ models: MODELS });
const named = ({ settings, question }: Attempt) => `${settings.baudRate} ${settings.parity} ${question.unit}`;
const of = (...stages: Attempt['stage'][]) => PLAN.filter(({ stage }) => stages.includes(stage));

test('the whole plan, when nobody answers, leaves room within a minute', () => {
  expect(planMs(PLAN)).toBeLessThan(55_000);
  expect(planMs(planAttempts({ models: MODELS, isSerial: false }), false)).toBeLessThan(55_000);
});

test('the factory settings of every model come first, within a second and a half', () => {
  const first = of('factory');
  expect(PLAN.slice(0, first.length)).toEqual(first);
  expect(planMs(first)).toBeLessThan(1500);
  for (const { serial } of MODELS)
    expect(first.map(named)).toContain(`${serial.baudRate} ${serial.parity} ${serial.unit}`);
});

test('the unit of the factory is asked at each rate and parity, and each unit at the rates of the factory', () => {
  const asked = new Set(PLAN.map(named));
  for (const baudRate of [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200]) {
    for (const parity of ['none', 'even', 'odd']) expect(asked).toContain(`${baudRate} ${parity} 1`);
  }
  for (let unit = 1; unit <= 247; unit++) {
    expect(asked).toContain(`9600 even ${unit}`);
    expect(asked).toContain(`9600 none ${unit}`);
  }
  for (let unit = 1; unit <= 32; unit++) expect(asked).toContain(`2400 none ${unit}`);
});

test('nothing is asked twice, but the factory settings with more patience', () => {
  const keys = PLAN.filter(({ stage }) => stage !== 'patient').map((a) => `${named(a)} ${a.question.address}`);
  expect(new Set(keys).size).toBe(keys.length);
  expect(of('patient').every(({ waitMs }) => waitMs >= 600)).toBe(true);
});

test('a late reply has somebody who listens, also that of the last unit at each setting', () => {
  const sweep = of('units');
  const last = sweep.filter(({ settings }, i) => sweep[i + 1]?.settings !== settings);
  expect(last.length).toBeGreaterThan(2);
  expect(last.every(({ waitMs }) => waitMs >= 200)).toBe(true);
  expect(sweep.filter((attempt) => !last.includes(attempt)).every(({ waitMs }) => waitMs < 100)).toBe(true);
});

test('only reads are asked', () => {
  const all = planAttempts({ models: MODELS, isThorough: true, given: { unit: 9 } });
  expect(new Set(all.map(({ question }) => question.functionCode))).toEqual(new Set([3]));
  expect(all.every(({ question }) => question.unit >= 1 && question.unit <= 247)).toBe(true);
});

test.for([
  [{ unit: 200 }, 12_000, '1200 odd 200'],
  [{ baudRate: 19_200, parity: 'odd' }, 20_000, '19200 odd 247'],
  [{ unit: 17, baudRate: 1200, parity: 'even' }, 700, '1200 even 17'],
] as const)('what is known of the meter comes first: %j', ([given, withinMs, last]) => {
  const plan = planAttempts({ models: MODELS, given });
  const until = plan.findIndex((attempt) => named(attempt) === last);
  expect(until).toBeGreaterThanOrEqual(0);
  expect(planMs(plan.slice(0, until + 1))).toBeLessThan(withinMs);
  // And what is known may be wrong.
  expect(plan.map(named)).toContain('9600 even 1');
});

test('units of other meters are left alone', () => {
  const plan = planAttempts({ models: MODELS, otherUnits: [1, 2] });
  expect(plan.some(({ question }) => question.unit <= 2)).toBe(false);
});

test('--thorough asks every unit at every setting', () => {
  const asked = new Set(planAttempts({ models: MODELS, isThorough: true }).map(named));
  expect(asked.size).toBe(247 * 24);
});
