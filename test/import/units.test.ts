import { expect, test } from 'vitest';
import { allReadings, fileSource, importInto, textFile } from '../support/imports.ts';
import { HOUSE } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const BASE = Date.UTC(2022, 11, 2, 18, 15);
const ROWS = 4250;

/** Field after field, as influx_inspect export writes them. */
const fieldLines = (field: string, value: number) =>
  Array.from({ length: ROWS }, (_, i) => `energy ${field}=${value} ${BASE + i * 1000}000000`);
const EXPORT = [
  ...fieldLines('active_energy', 4_231_450),
  ...fieldLines('current', 5410),
  ...fieldLines('power_factory', 0.99),
];
const MEANING = { meter: 'house', model: 'we-515', measurement: 'energy', mapping: {} };
const UNITS_NOT_SAID = {
  message: expect.stringMatching(/:\d+: (active_energy|current) is alone, so its unit cannot be told/),
  hint: expect.stringContaining('say --from-seed'),
};

test.for([
  ['an export of the Python energy-monitor, field after field', EXPORT],
  ['the same behind a line of another measurement', [`cpu user=1,system=2 ${BASE}000000`, ...EXPORT]],
  [
    'the same behind more of other measurements than is looked at to tell the format',
    [...Array.from({ length: 9000 }, (_, i) => `cpu user=${i},system=2 ${BASE + i}000000`), ...EXPORT],
  ],
  ['the same behind fields of one unit', [...fieldLines('voltage', 230), ...fieldLines('voltage', 230), ...EXPORT]],
  ['the same behind a point of several fields', [`energy voltage=230,frequency=50 ${BASE}000000`, ...EXPORT]],
] as const)('%s: the units are asked for before anything is stored', async ([, lines]) => {
  const stateDir = temporaryDirectory();
  const path = textFile('export.lp', lines.join('\n'));
  await expect(importInto(stateDir, [fileSource(path)], { meaning: MEANING })).rejects.toMatchObject(UNITS_NOT_SAID);
  expect(allReadings(stateDir)).toEqual([]);
  await importInto(stateDir, [fileSource(path, { fromSeed: true })], { unitsAreSaid: true });
  const stored = allReadings(stateDir).map(({ values }) => values.active_energy);
  expect(stored.filter((value) => value !== undefined)).toEqual(Array(ROWS).fill(4231.45));
});

test('power_factory of another measurement does not tell the units of this one', async () => {
  const lines = [`solar power_factory=1,current=5 ${BASE}`, `energy current=5,voltage=230 ${BASE}`];
  const stateDir = temporaryDirectory();
  await importInto(stateDir, [fileSource(textFile('a.lp', lines.join('\n')))], { meaning: MEANING });
  expect(allReadings(stateDir)).toEqual([{ series: HOUSE, timeMs: BASE, values: { current: 5, voltage: 230 } }]);
});

test.for([
  ['a column of CSV', 'a.csv', `time,active_energy\n${BASE},4231450\n`],
  [
    'a field of CSV of InfluxDB',
    'b.csv',
    `,result,table,_time,_value,_field,_measurement\n,_result,0,${BASE},4231450,active_energy,energy\n`,
  ],
] as const)('%s that is alone: the units are asked for', async ([, name, text]) => {
  const importing = importInto(temporaryDirectory(), [fileSource(textFile(name, text))]);
  await expect(importing).rejects.toMatchObject(UNITS_NOT_SAID);
});

test('what the person has mapped is not asked for', async () => {
  const stateDir = temporaryDirectory();
  const mapping = { active_energy: { quantity: 'active_energy', factor: 0.001 } };
  await importInto(stateDir, [fileSource(textFile('a.csv', `time,active_energy\n${BASE},4231450\n`), { mapping })], {
    meaning: { ...MEANING, mapping },
  });
  expect(allReadings(stateDir)[0]?.values).toEqual({ active_energy: 4231.45 });
});

test('units that were wrong nevertheless show as impossible values, with their line', async () => {
  const lines = [`energy current=5410,voltage=230 ${BASE}`, `energy current=5,voltage=230 ${BASE + 1000}`];
  const stateDir = temporaryDirectory();
  const { out, said } = await importInto(stateDir, [fileSource(textFile('a.lp', lines.join('\n')))], {
    meaning: MEANING,
  });
  expect(said).toMatch(
    /a\.lp:1: left out: current is 5410, possible for model we-515 is -120 to 120; is the unit right/,
  );
  expect(out).toContain('1 new reading, 0 there already; left out: 1 invalid');
});
