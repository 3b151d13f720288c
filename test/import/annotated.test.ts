import { expect, test } from 'vitest';
import { allReadings, fileSource, importInto, stoppedAfter, textFile } from '../support/imports.ts';
import { HOUSE } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const BASE = Date.UTC(2022, 11, 2, 18, 15);
const HEADER = ',result,table,_start,_stop,_time,_value,_field,_measurement,meter,model';
const ANNOTATIONS = [
  '#group,false,false,true,true,false,false,true,true,true,true',
  '#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string,string',
  '#default,_result,,,,,,,,,',
];
const row = (field: string, i: number, value: number) =>
  `,,0,2022-12-01T00:00:00Z,2022-12-03T00:00:00Z,${new Date(BASE + i * 1000).toISOString()},${value},${field},energy,house,we-515`;
const ROWS = 1500;
const table = (field: string, value: number) => [
  ...ANNOTATIONS,
  HEADER,
  ...Array.from({ length: ROWS }, (_, i) => row(field, i, value)),
  '',
];
const EXPORT = [...table('voltage', 230.5), ...table('current', 5.25)];
const EXPECTED = Array.from({ length: ROWS }, (_, i) => ({
  series: HOUSE,
  timeMs: BASE + i * 1000,
  values: { voltage: 230.5, current: 5.25 },
}));

test.for([
  ['with annotations', EXPORT],
  ['without', EXPORT.filter((line) => !line.startsWith('#'))],
] as const)('CSV that InfluxDB 2 exports, %s: fields of a time become one reading', async ([, lines]) => {
  const stateDir = temporaryDirectory();
  const { said } = await importInto(stateDir, [fileSource(textFile('export.csv', lines.join('\r\n')))]);
  expect(said).toContain('CSV of InfluxDB 2');
  expect(allReadings(stateDir)).toEqual(EXPECTED);
});

test('cut off within a table, it goes on with what the columns are', async () => {
  const stateDir = temporaryDirectory();
  const open = fileSource(textFile('export.csv', EXPORT.join('\r\n')));
  const stop = new AbortController();
  await importInto(stateDir, [() => stoppedAfter(open, 2, stop)], { signal: stop.signal });
  const stored = allReadings(stateDir).length;
  expect(stored).toBeGreaterThan(0);
  const { said } = await importInto(stateDir, [open]);
  expect(said).toMatch(/going on behind record \d+/);
  expect(allReadings(stateDir)).toEqual(EXPECTED);
});

test('a table with a column for each field', async () => {
  const stateDir = temporaryDirectory();
  const lines = [
    '#datatype,string,long,dateTime:RFC3339,string,string,double,long',
    '#group,false,false,false,true,true,false,false',
    ',result,table,_time,_measurement,meter,voltage,current',
    `,_result,0,${new Date(BASE).toISOString()},energy,heater,230.5,5`,
  ];
  await importInto(stateDir, [fileSource(textFile('pivot.csv', lines.join('\n')))], {
    meaning: { meter: 'house', model: 'we-515', measurement: 'energy', mapping: {} },
  });
  const series = { ...HOUSE, meter: 'heater' };
  expect(allReadings(stateDir)).toEqual([{ series, timeMs: BASE, values: { voltage: 230.5, current: 5 } }]);
});

test('the Python energy-monitor is told in it', async () => {
  const lines = ['power_factory', 'current'].flatMap((field, i) => [
    ',result,table,_time,_value,_field,_measurement',
    `,_result,${i},${new Date(BASE).toISOString()},${field === 'current' ? 5410 : 0.99},${field},energy`,
    '',
  ]);
  const stateDir = temporaryDirectory();
  await importInto(stateDir, [fileSource(textFile('seed.csv', lines.join('\n')))]);
  expect(allReadings(stateDir)[0]?.values).toEqual({ power_factor: 0.99, current: 5.41 });
});

test('_value is not taken for one quantity', async () => {
  const mapping = { _value: { quantity: 'voltage', factor: 1 } };
  const whole = textFile('export.csv', EXPORT.join('\n'));
  await expect(importInto(temporaryDirectory(), [fileSource(whole, { mapping })])).rejects.toThrow(
    /_value is of the field that _field names/,
  );
  const bare = textFile('bare.csv', `_time,_value\n${BASE},230\n`);
  await expect(importInto(temporaryDirectory(), [fileSource(bare, { mapping })])).rejects.toMatchObject({
    message: expect.stringContaining('without the columns that say what _value is of'),
    hint: expect.stringContaining('_time, _field and _value'),
  });
});

test('an export that ended with an error of the server says so', async () => {
  const lines = [...EXPORT, '#datatype,string,string', ',error,reference', ',out of memory,897'];
  const importing = importInto(temporaryDirectory(), [fileSource(textFile('export.csv', lines.join('\n')))]);
  await expect(importing).rejects.toThrow(/:3013: the export ended with an error of the server: out of memory/);
});
