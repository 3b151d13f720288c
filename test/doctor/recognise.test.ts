import { expect, test } from 'vitest';
import { examine } from '../../agent/doctor/examine.ts';
import { MODELS } from '../../agent/meters/catalogue.ts';
import { SDM630 } from '../../agent/meters/eastron.ts';
import type { MeterModel } from '../../agent/meters/model.ts';
import { WE_504, WE_515, WE_526 } from '../../agent/meters/orno.ts';
import { WE_517 } from '../../agent/meters/orno-three-phase.ts';
import { virtualLine } from '../support/virtual-line.ts';

/** What answers at once, set as the factory has set it. */
async function recognised(model: MeterModel, options: Parameters<typeof virtualLine>[0] = {}) {
  const { line } = virtualLine({ ...options, temper: { set: model.serial }, meter: { ...options.meter, model } });
  const evidence = await examine(
    { kind: 'serial', path: line.linkPath },
    { measureMs: 0, signal: new AbortController().signal },
  );
  expect(evidence.found).toMatchObject({ unit: 1, stage: 'factory' });
  return evidence.recognised;
}

const ALIKE = [
  ['we-514', 'we-515'],
  ['we-516', 'we-517'],
  ['we-525', 'we-526'],
  ['sdm120', 'sdm230', 'sdm630'],
  ['we-504'],
];

test.for(MODELS.map((model) => [model.name, model] as const))('%s is recognised, and what is like it', async ([
  name,
  model,
]) => {
  const found = await recognised(model);
  const names = found?.candidates.map((candidate) => candidate.name) ?? [];
  expect(names[0]).toBe(name);
  expect([...names].sort()).toEqual(ALIKE.find((group) => group.includes(name)));
});

test.for([
  WE_515,
  WE_517,
  WE_526,
])('$name with tariffs that never counted is taken for its sister, with a word of doubt', async (model) => {
  const counters = Object.fromEntries(
    model.fields.filter(({ quantity }) => quantity.includes('energy')).map(({ quantity }) => [quantity, 0]),
  );
  const found = await recognised(model, { meter: { memory: { timeMs: Date.now(), counters } } });
  expect(found).toMatchObject({ isCertain: false, because: 'no tariff has counted' });
  expect(found?.candidates.map(({ name }) => name)).toContain(model.name);
});

test('an SDM630 whose number nobody has published has a second phase', async () => {
  const identify = SDM630.identify.map((clue) =>
    'oneOf' in clue.holds ? { ...clue, holds: { oneOf: [0x4711] } } : clue,
  );
  const found = await recognised({ ...SDM630, identify });
  expect(found?.candidates[0]?.name).toBe('sdm630');
  expect(found).toMatchObject({ isCertain: false, because: 'a second phase has voltage' });
});

test('a meter that is silent about registers it does not have is recognised all the same', async () => {
  const own = new Set([0x00, 0x02, 0x0e, 0x0f, 0x03]);
  const found = await recognised(WE_504, { silentRefusals: true, meter: { illegal: (address) => !own.has(address) } });
  expect(found?.candidates.map(({ name }) => name)).toEqual(['we-504']);
});

test('a meter of which nothing is known answers, and is no known model', async () => {
  const found = await recognised({ ...WE_504, identify: [], fields: WE_504.fields.slice(0, 1) });
  expect(found?.candidates).toEqual([]);
});
