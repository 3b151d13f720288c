import { expect, test } from 'vitest';
import { parseTable } from '../../agent/config/table.ts';
import { tableYaml } from '../../agent/config/table-yaml.ts';
import { findModel, MODELS } from '../../agent/meters/catalogue.ts';
import { clueHolds, clueWords } from '../../agent/meters/identify.ts';
import { fieldEnd, type MeterModel } from '../../agent/meters/model.ts';
import { MODEL_NAMES } from '../../agent/meters/model-names.ts';
import { planReads } from '../../agent/meters/planner.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { restlessLoad } from '../support/restless-load.ts';

const each = MODELS.map((model) => [model.name, model] as const);
const NOW = Date.UTC(2026, 10, 21, 12);
const meterOf = (model: MeterModel, unit = 1) =>
  new VirtualMeter({ model, load: restlessLoad(1, 1000), reached: { unit, baudRate: model.serial.baudRate } }, NOW);

test('the names are those of the catalogue', () => {
  expect(MODELS.map(({ name }) => name)).toEqual([...MODEL_NAMES]);
  for (const model of MODELS) expect(findModel(model.name)).toBe(model);
});

test.for(each)('%s has each quantity once, in registers that overlap no other', ([, { fields }]) => {
  expect(new Set(fields.map(({ quantity }) => quantity)).size).toBe(fields.length);
  for (const a of fields) {
    for (const b of fields) {
      if (a === b || a.functionCode !== b.functionCode) continue;
      expect(fieldEnd(a) <= b.address || fieldEnd(b) <= a.address, `${a.quantity} and ${b.quantity}`).toBe(true);
    }
  }
});

test.for(each)('%s is read in blocks that it gives at once', ([, { fields, maxBlock }]) => {
  const { blocks, postponed } = planReads(fields, { cost: (count) => 20 + 2 * count, maxBlock });
  expect(postponed).toEqual([]);
  for (const { count } of blocks) expect(count).toBeLessThanOrEqual(maxBlock);
});

test.for([
  'sdm120',
  'sdm230',
  'sdm630',
])('%s is asked for whole floats at even addresses, all else it refuses', (name) => {
  const { fields, maxBlock } = findModel(name) as MeterModel;
  for (const block of planReads(fields, { cost: (count) => 20 + 2 * count, maxBlock }).blocks) {
    expect([block.address % 2, block.count % 2]).toEqual([0, 0]);
  }
});

/** The maker's tables, as far as one place tells them: first address, words, type, scale. */
test.for([
  ['we-504', 'active_energy', 3, 0x0007, 'u32', 0.001],
  ['we-504', 'current', 3, 0x0001, 'u16', 0.1],
  ['we-516', 'power_factor_l3', 3, 0x003a, 'float32', 1],
  ['we-516', 'active_power', 3, 0x001c, 'float32', 1000],
  ['we-516', 'active_energy_export_l3', 3, 0x0116, 'float32', 1],
  ['we-516', 'reactive_energy_import', 3, 0x0120, 'float32', 1],
  ['we-517', 'active_energy_import_t2', 3, 0x013e, 'float32', 1],
  ['we-517', 'reactive_energy_export_t4', 3, 0x015e, 'float32', 1],
  ['we-525', 'apparent_power', 3, 0x0106, 's32', 1],
  ['we-525', 'reactive_power', 3, 0x0108, 's32', 1],
  ['we-526', 'active_energy_export_t4', 3, 0x0120, 's32', 0.01],
  ['we-526', 'reactive_energy_export', 3, 0x0136, 's32', 0.01],
  ['sdm120', 'reactive_power', 4, 0x0018, 'float32', 1],
  ['sdm230', 'phase_angle', 4, 0x0024, 'float32', 1],
  ['sdm630', 'active_power', 4, 0x0034, 'float32', 1],
  ['sdm630', 'voltage_l3_l1', 4, 0x00cc, 'float32', 1],
  ['sdm630', 'reactive_energy_export_l3', 4, 0x0176, 'float32', 1],
] as const)('%s has %s where its maker has it', ([name, quantity, functionCode, address, type, scale]) => {
  const field = findModel(name)?.fields.find((one) => one.quantity === quantity);
  expect(field).toMatchObject({ functionCode, address, type, scale });
});

test.for(each)('%s, printed as a table of the user, is read as the same meter', ([, model]) => {
  const { model: again, problems } = parseTable(tableYaml(model, 'my-copy'));
  expect(problems).toBeUndefined();
  expect(again).toEqual({ ...model, name: 'my-copy', identify: [] });
});

/** Share of a model's clues that hold for a virtual meter, those that it refuses to show left out. */
function recognised(model: MeterModel, meter: VirtualMeter, unit: number): boolean {
  return model.identify
    .filter(({ bonus }) => !bonus)
    .every((clue) => {
      const answer = meter.read(clue.functionCode, clue.address, clueWords(clue), NOW);
      const reached = { unit, baudRate: meter.model.serial.baudRate };
      return 'registers' in answer && clueHolds(clue, answer.registers, reached);
    });
}

/** Meters of one table; which of them it is no register says. */
const SIBLINGS = [
  ['we-514', 'we-515'],
  ['we-516', 'we-517'],
  ['we-525', 'we-526'],
  ['sdm120', 'sdm230', 'sdm630'],
];

test.for(each)('%s is recognised by its registers, and no meter of another family is taken for it', ([name, model]) => {
  const siblings = SIBLINGS.find((names) => names.includes(name)) ?? [name];
  const taken = MODELS.filter((other) => recognised(model, meterOf(other, 7), 7)).map((other) => other.name);
  expect(taken).toEqual(MODELS.map((one) => one.name).filter((one) => siblings.includes(one)));
  expect(recognised(model, meterOf(model, 7), 8)).toBe(false);
});
