import { expect, onTestFinished, test } from 'vitest';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { BEGINNING, type Position } from '../../agent/journal/cursors.ts';
import { Feed } from '../../agent/journal/feed.ts';
import { Journal } from '../../agent/journal/journal.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { runCommand } from '../support/child.ts';
import { allReadings, fileSource, importInto, textFile } from '../support/imports.ts';
import { DECIMALS } from '../support/readings.ts';
import { recordingLog, silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readingAt } from './readings.ts';

const BASE = Date.UTC(2026, 2, 1);
const NEW = Date.UTC(2026, 10, 21, 11);
const HEATER = { measurement: 'energy', meter: 'heater', model: 'we-514' };

const lp = (readings: readonly Reading[]) =>
  textFile('a.lp', readings.map((reading) => `${toLine(reading)}\n`).join(''));
const readingsFrom = (baseMs: number, count: number, series = HEATER) =>
  Array.from({ length: count }, (_, i) => readingAt(baseMs + i * 1000, series));

/** Everything a consumer gets from its position on, as it takes it: a few at a time. */
function consume(stateDir: string, from: Position): { readings: Reading[]; position: Position } {
  const feed = new Feed(stateDir);
  const readings: Reading[] = [];
  let position = from;
  try {
    for (;;) {
      const taken = feed.after(position, 7);
      readings.push(...taken.deliveries.map(({ reading }) => reading));
      position = taken.position;
      if (!taken.more) return { readings, position };
    }
  } finally {
    feed.close();
  }
}

test('a consumer that has passed gets what is imported behind it, once', async () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  onTestFinished(() => journal.close());
  for (let i = 0; i < 10; i++) journal.append(readingAt(NEW + i * 1000), DECIMALS);
  journal.flush();
  // This one stays in the spool: the consumer takes it from there, ahead of what is committed.
  journal.append(readingAt(NEW + 60_000), DECIMALS);
  journal.flush();
  const first = consume(stateDir, BEGINNING);
  expect(first.readings).toHaveLength(11);

  const old = readingsFrom(BASE, 20);
  const between = readingsFrom(NEW + 5500, 20);
  await importInto(stateDir, [fileSource(lp([...old, ...between]))]);
  const second = consume(stateDir, first.position);
  expect(second.readings).toEqual([...old, ...between]);

  // Nothing new, nothing to send; a quantity more is sent.
  await importInto(stateDir, [fileSource(lp(old))]);
  expect(consume(stateDir, second.position).readings).toEqual([]);
  const [one] = old;
  if (!one) throw new Error('none');
  const more = { ...one, values: { frequency: 50 } };
  await importInto(stateDir, [fileSource(lp([more]))]);
  expect(consume(stateDir, second.position).readings).toEqual([{ ...one, values: { ...one.values, ...more.values } }]);
});

test('an import into an empty journal is seen by a consumer that begins, each reading once', async () => {
  const stateDir = temporaryDirectory();
  // Newest first: each reading but the first comes behind another.
  const readings = readingsFrom(BASE, 40);
  await importInto(stateDir, [fileSource(lp(readings.toReversed()))]);
  expect(consume(stateDir, BEGINNING).readings).toEqual(readings);
});

test('beside a running collector: its appends and commits go on, nothing of either is lost', async () => {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const journal = Journal.open({ stateDir, flushIntervalMs: 40, commitIntervalMs: 40, log });
  const imported = readingsFrom(BASE, 20_000);
  const child = runCommand(['import', lp(imported), '--state-dir', stateDir]);
  const collected: Reading[] = [];
  const append = setInterval(() => {
    const reading = readingAt(NEW + collected.length * 1000);
    journal.append(reading, DECIMALS);
    collected.push(reading);
  }, 5);
  expect(await child.ended).toBe(0);
  clearInterval(append);
  journal.close();
  expect(child.output()).toContain('20000 new readings, 0 there already');
  expect(lines.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  expect(collected.length).toBeGreaterThan(50);
  expect(allReadings(stateDir)).toEqual([...imported, ...collected]);
});
