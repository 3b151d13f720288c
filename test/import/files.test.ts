import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { allReadings, fileSource, importInto, stoppedAfter, textFile } from '../support/imports.ts';
import { DECIMALS, HOUSE } from '../support/readings.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readingAt } from './readings.ts';

const BASE = Date.UTC(2026, 2, 1);
const readingsFrom = (count: number, series = HOUSE) =>
  Array.from({ length: count }, (_, i) => readingAt(BASE + i * 1000, series));
const linesOf = (count: number) =>
  readingsFrom(count)
    .map((reading) => `${toLine(reading)}\n`)
    .join('');

test('line protocol: all of it, and a second time nothing', async () => {
  const stateDir = temporaryDirectory();
  const path = textFile('a.lp', linesOf(5000));
  expect((await importInto(stateDir, [fileSource(path)])).out).toMatch(/a\.lp: 5000 new readings, 0 there already \(/);
  expect(allReadings(stateDir)).toEqual(readingsFrom(5000));
  expect((await importInto(stateDir, [fileSource(path)])).out).toMatch(/: 0 new readings, 5000 there already \(/);
  expect(allReadings(stateDir)).toEqual(readingsFrom(5000));
});

test('packed files, CRLF, comments, empty lines, a byte order mark and a last line without end are the same', async () => {
  const text = linesOf(100);
  const odd = `\ufeff# exported\r\n\r\n${text.replaceAll('\n', '\r\n')}`.slice(0, -2);
  for (const path of [textFile('a.lp.gz', gzipSync(text)), textFile('b.txt', odd)]) {
    const stateDir = temporaryDirectory();
    await importInto(stateDir, [fileSource(path)]);
    expect(allReadings(stateDir)).toEqual(readingsFrom(100));
  }
});

test('what is there keeps its values; quantities that it lacks are added', async () => {
  const stateDir = temporaryDirectory();
  const line = (fields: string) => textFile('a.lp', `energy,meter=house,model=we-515 ${fields} ${BASE}\n`);
  await importInto(stateDir, [fileSource(line('voltage=230.1,active_power=100'))]);
  const second = await importInto(stateDir, [fileSource(line('voltage=240,frequency=49.9871'))]);
  expect(second.out).toContain('0 new readings, 0 there already, 1 completed with further quantities');
  expect(allReadings(stateDir)[0]?.values).toEqual({ voltage: 230.1, active_power: 100, frequency: 49.9871 });
  expect((await importInto(stateDir, [fileSource(line('voltage=250,frequency=51'))])).out).toContain('1 there already');
});

test('an export with one line a field, field after field, gives whole readings', async () => {
  const stateDir = temporaryDirectory();
  const readings = readingsFrom(50);
  const text = ['active_energy', 'active_power', 'voltage']
    .flatMap((name) =>
      readings.map(({ timeMs, values }) => `energy,meter=house,model=we-515 ${name}=${values[name]} ${timeMs}000000\n`),
    )
    .join('');
  await importInto(stateDir, [fileSource(textFile('export.lp', text))]);
  expect(allReadings(stateDir)).toEqual(readings);
});

test('one field a line without a model: the units have to be said', async () => {
  const path = textFile('export.lp', `energy current=5411 ${BASE}\nenergy current=5412 ${BASE + 1000}\n`);
  const stateDir = temporaryDirectory();
  await expect(importInto(stateDir, [fileSource(path)])).rejects.toThrow(
    /export\.lp:1: current is alone, so its unit cannot be told/,
  );
  await importInto(stateDir, [fileSource(path, { fromSeed: true })], { unitsAreSaid: true });
  expect(allReadings(stateDir).map(({ values }) => values.current)).toEqual([5.411, 5.412]);
});

test('a file of the Python energy-monitor is told by power_factory', async () => {
  const stateDir = temporaryDirectory();
  const fields = 'active_energy=423145,active_power=1234,current=5411,power_factory=0.991,voltage=230.11';
  const { said } = await importInto(stateDir, [fileSource(textFile('old.lp', `energy ${fields} ${BASE}000000\n`))]);
  expect(said).toContain('of the Python energy-monitor: current from mA, energies from Wh');
  expect(allReadings(stateDir)).toEqual([
    {
      series: HOUSE,
      timeMs: BASE,
      values: { active_energy: 423.145, active_power: 1234, current: 5.411, power_factor: 0.991, voltage: 230.11 },
    },
  ]);
});

test('invalid records are shown, counted and left out; the others are imported', async () => {
  const stateDir = temporaryDirectory();
  const lines = linesOf(20).split('\n');
  lines[3] = 'energy,meter=house,model=we-515 voltage=abc 1772323203000';
  lines[5] = 'energy,meter=house,model=we-515 voltage="open 1772323205000';
  lines[7] = 'energy,meter=house,model=we-515 voltage=230';
  lines[9] = 'energy,meter=house,model=we-515 voltage=230 5';
  lines[11] = `cpu usage=1 ${BASE}`;
  const { out, said } = await importInto(stateDir, [fileSource(textFile('bad.lp', lines.join('\n')))]);
  expect(out).toContain('15 new readings, 0 there already; left out: 4 invalid, 1 of other measurements');
  expect(said).toMatch(/bad\.lp:4: left out: voltage is "abc", which is no value\n/);
  expect(said).toMatch(/bad\.lp:6: left out: a text has no closing quote\n/);
  expect(said).toMatch(/bad\.lp:8: left out: it has no timestamp\n/);
  expect(said).toMatch(/bad\.lp:10: left out: the precision of timestamp "5" cannot be told/);
  expect(allReadings(stateDir)).toEqual(readingsFrom(20).filter((_, i) => ![3, 5, 7, 9, 11].includes(i)));
});

test('more invalid records than --max-errors end it with a sentence; what was good before is kept', async () => {
  const stateDir = temporaryDirectory();
  const path = textFile('bad.lp', `${linesOf(10)}${'energy voltage=x 1\n'.repeat(4)}`);
  const importing = importInto(stateDir, [fileSource(path)], { maxErrors: 3 });
  await expect(importing).rejects.toThrow(/bad\.lp:14: voltage is "x", which is no value; this is invalid record 4/);
  expect(allReadings(stateDir)).toEqual(readingsFrom(10));
});

test('a text over several lines is one record; a quote by mistake costs its own line only', async () => {
  const stateDir = temporaryDirectory();
  const [a, b, c] = linesOf(3).split('\n');
  const withNote = a?.replace(' voltage', ' note="two\nlines",voltage');
  const stray = 'energy,meter=house,model=we-515 note="stray,voltage=1 1772323200000';
  const { out } = await importInto(stateDir, [fileSource(textFile('q.lp', [withNote, stray, b, c].join('\n')))]);
  expect(out).toContain('3 new readings, 0 there already; left out: 1 invalid');
  expect(allReadings(stateDir)).toEqual(readingsFrom(3));
});

test('CSV of another program: semicolons, decimal commas, quotes, a time column of its own, factors', async () => {
  const stateDir = temporaryDirectory();
  const text =
    '\ufeff"Date";"Power (kW)";Voltage;"note"\r\n"2026-03-01 01:00:00+01:00";"1,234";230,1;"a;\r\nb"\r\n1772323201;-0,5;;\r\n';
  const mapping = { 'Power (kW)': { quantity: 'active_power', factor: 1000 } };
  const { said } = await importInto(stateDir, [fileSource(textFile('x.csv', text), { mapping, timeColumn: 'Date' })], {
    meaning: { meter: 'heat pump', model: 'other', measurement: 'energy', mapping },
  });
  expect(said).toContain('columns left out: note');
  const series = { measurement: 'energy', meter: 'heat pump', model: 'other' };
  expect(allReadings(stateDir)).toEqual([
    { series, timeMs: BASE, values: { active_power: 1234, voltage: 230.1 } },
    { series, timeMs: BASE + 1000, values: { active_power: -500 } },
  ]);
});

test('several files, of which one is cut off: the next run begins with that one', async () => {
  const stateDir = temporaryDirectory();
  const [first, second] = [textFile('1.lp', linesOf(10)), textFile('2.lp', linesOf(30))];
  const stop = new AbortController();
  const sources = [fileSource(first), fileSource(second)];
  const stopInSecond = [sources[0], () => stoppedAfter(fileSource(second), 1, stop)] as typeof sources;
  await importInto(stateDir, stopInSecond, { signal: stop.signal });
  const { out } = await importInto(stateDir, sources);
  expect(out).toMatch(
    /1\.lp: 10 new readings, 0 there already \(done before\)\n.*2\.lp: 20 new readings, 10 there already/,
  );
  // All is done: now everything is there.
  expect((await importInto(stateDir, sources)).out).toMatch(/: 0 new.* 10 there.*\n.*: 0 new.* 30 there/);
});

test('a dry run tells, and makes neither journal nor readings', async () => {
  const stateDir = join(temporaryDirectory(), 'state');
  const path = textFile('a.lp', linesOf(10));
  expect((await importInto(stateDir, [fileSource(path)], { dryRun: true })).out).toContain(
    '10 readings would be new, 0 there',
  );
  expect(() => allReadings(stateDir)).toThrow(/there is no journal/);
  await importInto(stateDir, [fileSource(path)]);
  appendFileSync(path, `${toLine(readingAt(BASE + 60_000))}\n`);
  expect((await importInto(stateDir, [fileSource(path)], { dryRun: true })).out).toContain(
    '1 readings would be new, 10 there',
  );
  expect(allReadings(stateDir)).toHaveLength(10);
});

test('what retention would delete is not imported; a journal that is full says so', async () => {
  const stateDir = temporaryDirectory();
  const hourly = Array.from({ length: 10 }, (_, i) => toLine(readingAt(BASE + i * 3_600_000)));
  const path = textFile('a.lp', hourly.join('\n'));
  const { out } = await importInto(stateDir, [fileSource(path)], { retentionMs: Date.now() - BASE - 4.5 * 3_600_000 });
  expect(out).toContain('5 new readings, 0 there already; left out: 5 older than the journal keeps');
  await expect(importInto(stateDir, [fileSource(path)], { maxBytes: 10 })).rejects.toThrow(/as large as it may be/);
});

test.for([
  ['empty.lp', '', /is empty/],
  ['pages.html', '<html><body>', /neither line protocol nor CSV/],
  ['a.json', '[{"time":1,"b":2}]', /neither line protocol nor CSV/],
  ['prose.txt', 'Dear diary\nit rained\n', /neither line protocol nor CSV/],
  ['picture.png', Buffer.from([0x89, 0x50, 0, 1, 2]), /is no text/],
  ['packed.lp', gzipSync('m v=1 1'), /packed with gzip/],
  ['wide.csv', Buffer.from('\ufefftime,voltage\n', 'utf16le'), /is UTF-16/],
  ['cut.lp.gz', gzipSync(linesOf(1000)).subarray(0, 2000), /is no whole gzip file/],
  ['noise.gz', 'no gzip', /is no whole gzip file/],
  ['when.csv', 'when,voltage\n1,2\n', /no column is named time/],
  ['what.csv', 'time,Spannung\n1,2\n', /no column is named like a quantity/],
] as const)('%s: one sentence', async ([name, content, sentence]) => {
  const path = textFile(name, content);
  await expect(importInto(temporaryDirectory(), [fileSource(path)])).rejects.toMatchObject({
    message: expect.stringMatching(sentence),
    code: 'usage',
  });
});

test('a line without end does not fill the memory', async () => {
  const path = textFile('endless.csv', `time,voltage\n${'1'.repeat(3_000_000)}`);
  await expect(importInto(temporaryDirectory(), [fileSource(path)])).rejects.toThrow(/line 2 does not end within 1 MB/);
});

test('a running collector finds none of its seconds taken', async () => {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log });
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  journal.append(readingAt(nowMs - 3000), DECIMALS);
  journal.flush();
  journal.append(readingAt(nowMs - 2000), DECIMALS);
  journal.flush();
  journal.append(readingAt(nowMs - 1000), DECIMALS);
  const path = textFile('now.lp', [3000, 2000, 1000].map((ms) => `${toLine(readingAt(nowMs - ms))}\n`).join(''));
  expect((await importInto(stateDir, [fileSource(path)])).out).toContain('0 new readings, 3 there already');
  journal.close();
  expect(lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  expect(allReadings(stateDir)).toHaveLength(3);
});
