import { expect, test } from 'vitest';
import { csvColumns } from '../../agent/import/csv-columns.ts';
import { allReadings, fileSource, importInto, textFile } from '../support/imports.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const BASE = Date.UTC(2026, 2, 1);

test.for([
  ['time,voltage,Voltage', {}, /columns "voltage" and "Voltage" are both voltage/],
  ['time,voltage,voltage', {}, /columns "voltage" and "voltage" are both voltage/],
  ['time,power_factor,power_factory', {}, /are both power_factor/],
  [
    'time,A,B',
    { A: { quantity: 'voltage', factor: 1 }, B: { quantity: 'voltage', factor: 1 } },
    /columns "A" and "B" are both voltage/,
  ],
] as const)('%s: two columns of one quantity are not mixed', ([header, mapping, sentence]) => {
  expect(() => csvColumns(header, 'a.csv', { mapping })).toThrow(sentence);
});

test('of two, the one that is mapped is taken, and the other is said to be left out', () => {
  const columns = csvColumns('time,voltage,Voltage', 'a.csv', {
    mapping: { Voltage: { quantity: 'voltage', factor: 1 } },
  });
  expect(columns.values).toEqual([{ index: 2, name: 'Voltage' }]);
  expect(columns.others).toEqual(['voltage']);
});

test('CSV names no measurement: it is of the one that is asked for', async () => {
  const stateDir = temporaryDirectory();
  const path = textFile('a.csv', `time,meter,voltage\n${BASE},house,230\n`);
  await importInto(stateDir, [fileSource(path, { measurement: 'power' })], {
    meaning: { meter: undefined, model: 'we-515', measurement: 'power', mapping: {} },
  });
  expect(allReadings(stateDir)).toHaveLength(1);
});

test('local times, with the zone that the person says', async () => {
  const stateDir = temporaryDirectory();
  const path = textFile('a.csv', 'time,meter,voltage\n2026-03-01 01:00:00,house,230\n2025-10-26 02:30,house,231\n');
  const meaning = { meter: undefined, model: 'we-515', measurement: 'energy', mapping: {} };
  const refused = await importInto(stateDir, [fileSource(path)], { meaning });
  expect(refused.said).toContain('has no zone; add Z for UTC or +01:00, or say --time-zone');
  const { said } = await importInto(stateDir, [fileSource(path, { timeZone: 'Europe/Berlin' })], { meaning });
  expect(said).toContain('comes twice in Europe/Berlin');
  expect(allReadings(stateDir).map(({ timeMs }) => timeMs)).toEqual([BASE]);
});
