import { expect, test } from 'vitest';
import { Journal } from '../../agent/journal/journal.ts';
import { AgentError } from '../../agent/system/errors.ts';
import { allReadings, fileSource, importInto, textFile } from '../support/imports.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readingAt } from './readings.ts';

const BASE = Date.UTC(2022, 11, 2, 18, 15);
const ROWS = 6000;

const linesOf = (location: string, voltage: number) =>
  Array.from(
    { length: ROWS },
    (_, i) => `energy,location=${location} voltage=${voltage},frequency=50 ${BASE + i * 1000}\n`,
  ).join('');
const MEANING = { meter: 'house', model: 'we-515', measurement: 'energy', mapping: {} };
const MERGED = {
  message: expect.stringContaining('points with location=house and with location=garage would both become meter house'),
  hint: expect.stringContaining('--meter-tag location'),
};
const voltages = (stateDir: string) =>
  Object.fromEntries(
    Object.entries(Object.groupBy(allReadings(stateDir), ({ series }) => series.meter)).map(([meter, readings]) => [
      meter,
      [...new Set(readings?.map(({ values }) => values.voltage))],
    ]),
  );

test('two meters are not taken for one: nothing is stored, and a tag can name them', async () => {
  const stateDir = temporaryDirectory();
  // One after the other, as exports have them.
  const path = textFile('a.lp', linesOf('house', 230) + linesOf('garage', 240));
  await expect(importInto(stateDir, [fileSource(path)], { meaning: MEANING })).rejects.toMatchObject(MERGED);
  expect(allReadings(stateDir)).toEqual([]);
  const meaning = { ...MEANING, meterTag: 'location' };
  await importInto(stateDir, [fileSource(path, { meterTag: 'location' })], { meaning });
  expect(voltages(stateDir)).toEqual({ house: [230], garage: [240] });
});

test('nor in two files of one command, nor when it was cut off between them', async () => {
  const files = [textFile('a.lp', linesOf('house', 230)), textFile('b.lp', linesOf('garage', 240))];
  const sources = files.map((file) => fileSource(file));
  await expect(importInto(temporaryDirectory(), sources, { meaning: MEANING })).rejects.toMatchObject(MERGED);

  const stateDir = temporaryDirectory();
  const [first, second] = sources;
  if (!first || !second) throw new Error('none');
  const away = () => Promise.reject(new AgentError('usage', 'the disk was pulled out'));
  await expect(importInto(stateDir, [first, away], { meaning: MEANING })).rejects.toThrow(/pulled out/);
  await expect(importInto(stateDir, [first, second], { meaning: MEANING })).rejects.toMatchObject(MERGED);
  expect(voltages(stateDir)).toEqual({ house: [230] });
});

test('the person can say that they are one: a tag came later', async () => {
  const stateDir = temporaryDirectory();
  const path = textFile('a.lp', `energy voltage=230,frequency=50 ${BASE - 1000}\n${linesOf('house', 231)}`);
  await expect(importInto(stateDir, [fileSource(path)], { meaning: MEANING })).rejects.toThrow(
    /points with no other tag and with location=house/,
  );
  await importInto(stateDir, [fileSource(path)], { meaning: { ...MEANING, oneMeter: true } });
  expect(voltages(stateDir)).toEqual({ house: [230, 231] });
});

test('what only stdin can tell late is told, and nothing of the second meter is stored', async () => {
  const stateDir = temporaryDirectory();
  const open = fileSource(textFile('a.lp', linesOf('house', 230) + linesOf('garage', 240)));
  const once = async () => ({ ...(await open()), identity: undefined, survey: undefined });
  await expect(importInto(stateDir, [once], { meaning: MEANING })).rejects.toMatchObject(MERGED);
  expect(voltages(stateDir)).toEqual({ house: [230] });
});

test('a column of CSV names the meters', async () => {
  const stateDir = temporaryDirectory();
  const path = textFile('a.csv', `time,Place,voltage\n${BASE},house,230\n${BASE},garage,240\n`);
  const source = fileSource(path, { meterTag: 'Place' });
  await importInto(stateDir, [source], { meaning: { ...MEANING, meterTag: 'Place' } });
  expect(voltages(stateDir)).toEqual({ house: [230], garage: [240] });
  await expect(importInto(stateDir, [fileSource(path, { meterTag: 'place' })])).rejects.toThrow(
    /there is no column "place"/,
  );
});

test('the model is asked of the journal before it is taken for that of the Python energy-monitor', async () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  journal.append(readingAt(BASE, { measurement: 'energy', meter: 'house', model: 'we-514' }), {});
  journal.close();
  const path = textFile('old.lp', `energy current=5411,power_factory=0.99 ${BASE + 1000}\n`);
  await importInto(stateDir, [fileSource(path)]);
  expect(allReadings(stateDir).map(({ series }) => series.model)).toEqual(['we-514', 'we-514']);
});

test.for(['energy', 'host'])('machines stay machines with --measurement %s', async (measurement) => {
  const stateDir = temporaryDirectory();
  const text = `host,host=pi,model=Raspberry\\ Pi\\ 4 cpu_percent=12.5,current=5000 ${BASE}\nhost,host=nas disk=1 ${BASE + 1000}\n`;
  const meaning = { ...MEANING, measurement };
  await importInto(stateDir, [fileSource(textFile('host.lp', text), { measurement, fromSeed: true })], { meaning });
  const model = measurement === 'host' ? 'we-515' : '';
  expect(allReadings(stateDir)).toEqual([
    {
      series: { measurement: 'host', meter: 'pi', model: 'Raspberry Pi 4' },
      timeMs: BASE,
      values: { cpu_percent: 12.5, current: 5000 },
    },
    { series: { measurement: 'host', meter: 'nas', model }, timeMs: BASE + 1000, values: { disk: 1 } },
  ]);
});
