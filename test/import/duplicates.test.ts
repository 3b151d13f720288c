import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { journalPath } from '../../agent/journal/database.ts';
import { allReadings, fileSource, importInto, stoppedAfter, textFile } from '../support/imports.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const BASE = Date.UTC(2022, 11, 2, 18, 15);
const line = (timeMs: number, fields: string) => `energy,meter=house,model=we-515 ${fields} ${timeMs}\n`;
const linesOf = (fromMs: number, count: number, voltage: number) =>
  Array.from({ length: count }, (_, i) => line(fromMs + i * 1000, `voltage=${voltage}`)).join('');
const voltages = (stateDir: string) => allReadings(stateDir).map(({ values }) => values.voltage);
const ROWS = 3000;

test('of a time that comes twice in a file the last wins, as in InfluxDB; what it lacks stays', async () => {
  const stateDir = temporaryDirectory();
  const text =
    line(BASE, 'voltage=230,frequency=50') + linesOf(BASE + 1000, ROWS, 231) + line(BASE, 'voltage=240,current=1');
  const { out } = await importInto(stateDir, [fileSource(textFile('a.lp', text))]);
  expect(out).toContain(`${ROWS + 1} new readings, 0 there already, 1 replaced by a later record of the same time`);
  expect(allReadings(stateDir)[0]?.values).toEqual({ voltage: 240, frequency: 50, current: 1 });
});

test('what was in the journal before the import stays, also where it is twice in the file', async () => {
  const stateDir = temporaryDirectory();
  await importInto(stateDir, [
    fileSource(textFile('a.lp', line(BASE, 'voltage=230') + line(BASE + 10_000, 'voltage=230'))),
  ]);
  const text = [0, 5000, 10_000]
    .flatMap((ms) => [line(BASE + ms, 'voltage=240'), line(BASE + ms, 'voltage=250')])
    .join('');
  const { out } = await importInto(stateDir, [fileSource(textFile('b.lp', text))]);
  expect(out).toContain('1 new reading, 4 there already, 1 replaced');
  expect(voltages(stateDir)).toEqual([230, 250, 230]);
  // An import of its own finds all of it there.
  await importInto(stateDir, [fileSource(textFile('c.lp', line(BASE + 5000, 'voltage=210')))]);
  expect(voltages(stateDir)).toEqual([230, 250, 230]);
});

test('nor does a cut make a difference, between two readings of the journal', async () => {
  const stateDir = temporaryDirectory();
  await importInto(stateDir, [fileSource(textFile('a.lp', line(BASE - 1000, 'voltage=230')))]);
  const open = fileSource(textFile('b.lp', linesOf(BASE, ROWS, 240) + linesOf(BASE, ROWS, 250)));
  const stop = new AbortController();
  await importInto(stateDir, [() => stoppedAfter(open, 2, stop)], { signal: stop.signal });
  expect(voltages(stateDir).length).toBeGreaterThan(1);
  await importInto(stateDir, [open]);
  expect(voltages(stateDir)).toEqual([230, ...Array(ROWS).fill(250)]);
});

test('a dry run counts what a run would store, and writes nothing', async () => {
  const stateDir = temporaryDirectory();
  await importInto(stateDir, [fileSource(textFile('a.lp', linesOf(BASE, 100, 230)))]);
  const before = databaseText(stateDir);
  const text = linesOf(BASE, ROWS, 240).repeat(2) + linesOf(BASE, ROWS, 250) + line(BASE, 'voltage=230,frequency=50');
  const sources = [fileSource(textFile('b.lp', text))];
  const dry = await importInto(stateDir, sources, { dryRun: true });
  expect(databaseText(stateDir)).toBe(before);
  const counts = (out: string) => [...out.matchAll(/\d+ (?=readings|new|there|completed|replaced)/g)].map(String);
  const real = await importInto(stateDir, sources);
  expect(real.out).toContain(
    '2900 new readings, 3200 there already, 1 completed with further quantities, 2900 replaced',
  );
  expect(counts(dry.out)).toEqual(counts(real.out));
});

function databaseText(stateDir: string): string {
  const db = new DatabaseSync(journalPath(stateDir), { readOnly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    return JSON.stringify(tables.map(({ name }) => [name, db.prepare(`SELECT * FROM ${name}`).all()]));
  } finally {
    db.close();
  }
}
