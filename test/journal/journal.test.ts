import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { Journal, type JournalOptions, TAIL_NAME } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { recordingLog, silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ALL = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

function open(stateDir: string, options: Partial<JournalOptions> = {}): Journal {
  return Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog, ...options });
}

function readAll(stateDir: string) {
  const reader = new JournalReader(stateDir);
  try {
    return { readings: reader.readings(ALL), gaps: reader.gaps(ALL), committed: reader.after(0, 1_000_000) };
  } finally {
    reader.close();
  }
}

test('an appended reading is seen by another process at once, and committed at the flush', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  journal.append(readingAt(1000), DECIMALS);
  expect(readAll(stateDir)).toMatchObject({ readings: [readingAt(1000)], committed: [] });
  journal.flush();
  expect(readAll(stateDir)).toMatchObject({
    readings: [readingAt(1000)],
    committed: [{ seq: 1, reading: readingAt(1000) }],
  });
});

test('a second of a series is stored once, whatever is appended later', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  journal.append(readingAt(1000), DECIMALS);
  journal.flush();
  journal.append({ ...readingAt(1000), values: { voltage: 1 } }, DECIMALS);
  journal.close();
  expect(readAll(stateDir).readings).toEqual([readingAt(1000)]);
});

test('a value that is finer than its decimals is kept exactly', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const reading = { series: HOUSE, timeMs: 1000, values: { voltage: 230.123456, unheard_of: 1 / 3 } };
  journal.append(reading, DECIMALS);
  journal.close();
  expect(readAll(stateDir).readings).toEqual([reading]);
});

test('gaps that go on are one row; a reading or another cause begins a new one', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const gap = (second: number, cause: 'timeout' | 'crc') =>
    journal.appendGap({ series: HOUSE, fromMs: second * 1000, toMs: second * 1000, cause });
  for (const second of [1, 2]) gap(second, 'timeout');
  journal.flush();
  gap(3, 'timeout');
  gap(4, 'crc');
  journal.append(readingAt(5000), DECIMALS);
  gap(6, 'crc');
  journal.close();
  expect(readAll(stateDir).gaps.map(({ fromMs, toMs, cause }) => [fromMs, toMs, cause])).toEqual([
    [1000, 3000, 'timeout'],
    [4000, 4000, 'crc'],
    [6000, 6000, 'crc'],
  ]);
});

test('gaps before the commit are seen by another process', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  journal.appendGap({ series: HOUSE, fromMs: 1000, toMs: 1000, cause: 'timeout' });
  expect(readAll(stateDir).gaps).toHaveLength(1);
});

test('a torn last line of the tail costs that line alone', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const tail = join(journal.runtime.path, TAIL_NAME);
  for (const second of [1, 2, 3]) journal.append(readingAt(second * 1000), DECIMALS);
  const content = readFileSync(tail, 'utf8');
  journal.close();
  rmSync(join(stateDir, 'journal.db'));
  writeFileSync(tail, content.slice(0, -20));
  open(stateDir).close();
  expect(readAll(stateDir).readings.map((reading) => reading.timeMs)).toEqual([1000, 2000]);
});

test('noise in the tail is skipped', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const tail = join(journal.runtime.path, TAIL_NAME);
  journal.append(readingAt(1000), DECIMALS);
  appendFileSync(tail, '\0\0\0 not a line\ndeadbeef {"s":["a"]}\n');
  journal.append(readingAt(2000), DECIMALS);
  expect(readAll(stateDir).readings).toHaveLength(2);
  journal.close();
});

test('cursors: each consumer takes in the order of arrival and goes on where it was', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (const second of [5, 3, 9]) journal.append(readingAt(second * 1000), DECIMALS);
  journal.flush();
  const reader = new JournalReader(stateDir);
  expect(journal.cursors.position('influx')).toBe(0);
  const first = reader.after(journal.cursors.position('influx'), 2);
  expect(first.map(({ reading }) => reading.timeMs)).toEqual([5000, 3000]);
  journal.cursors.move('influx', first.at(-1)?.seq ?? 0);
  journal.cursors.move('other', 0);
  expect(reader.after(journal.cursors.position('influx'), 2).map(({ reading }) => reading.timeMs)).toEqual([9000]);
  expect(journal.cursors.all()).toEqual([
    { consumer: 'influx', seq: 2 },
    { consumer: 'other', seq: 0 },
  ]);
  reader.close();
  journal.close();
  const again = open(stateDir);
  expect(again.cursors.position('influx')).toBe(2);
  again.close();
});

test('retention by age deletes the oldest, never the newest, and says what a sink had not taken', () => {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const journal = open(stateDir);
  for (let second = 1; second <= 10; second++) journal.append(readingAt(second * 1000), DECIMALS);
  journal.flush();
  journal.cursors.move('influx', 4);
  journal.close();
  open(stateDir, { maxAgeMs: 1000, log }).close();
  const { committed } = readAll(stateDir);
  expect(committed.map(({ seq }) => seq)).toEqual([10]);
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, readings: 5 }));
});

test('retention by size keeps the data within its bound', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (let second = 1; second <= 9000; second++) journal.append(readingAt(second * 1000), DECIMALS);
  journal.close();
  for (let pass = 0; pass < 6; pass++) open(stateDir, { maxBytes: 100_000 }).close();
  const { committed } = readAll(stateDir);
  expect(committed.length).toBeLessThan(3500);
  expect(committed.at(-1)?.reading).toEqual(readingAt(9_000_000));
});

test('a second collector on the same state directory is refused, with a hint', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  expect(() => open(stateDir)).toThrowError(
    expect.objectContaining({ code: 'locked', hint: expect.stringContaining('stop it first') }),
  );
  journal.append(readingAt(1000), DECIMALS);
  journal.close();
  open(stateDir).close();
  expect(readAll(stateDir).readings).toHaveLength(1);
});

test('a commit that another process holds up is made up for, nothing is lost', () => {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const journal = open(stateDir, { log });
  journal.append(readingAt(1000), DECIMALS);
  const other = new DatabaseSync(join(stateDir, 'journal.db'));
  other.exec('BEGIN IMMEDIATE');
  journal.flush();
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, pending: 1 }));
  journal.append(readingAt(2000), DECIMALS);
  other.exec('ROLLBACK');
  other.close();
  journal.close();
  expect(readAll(stateDir).readings).toHaveLength(2);
});

test('a file that is no journal is refused and left alone', () => {
  const stateDir = temporaryDirectory();
  const path = join(stateDir, 'journal.db');
  writeFileSync(path, 'these are somebody else’s notes, long enough to be no empty file');
  expect(() => open(stateDir)).toThrowError(expect.objectContaining({ code: 'storage', hint: expect.any(String) }));
  expect(statSync(path).size).toBeGreaterThan(0);
  rmSync(path);
  const foreign = new DatabaseSync(path);
  foreign.exec('CREATE TABLE accounts (name TEXT)');
  foreign.close();
  expect(() => open(stateDir)).toThrowError(/not a journal of energy-monitor/);
});

test('a journal of a newer version is refused', () => {
  const stateDir = temporaryDirectory();
  open(stateDir).close();
  const db = new DatabaseSync(join(stateDir, 'journal.db'));
  db.exec('PRAGMA user_version = 99');
  db.close();
  expect(() => open(stateDir)).toThrowError(/schema version 99/);
  expect(() => new JournalReader(stateDir)).toThrowError(/schema version 99/);
});

test('a range of readings is read hour by hour, in order, of one meter or all', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const garage = { ...HOUSE, meter: 'garage' };
  for (let hour = 0; hour < 5; hour++) {
    journal.append(readingAt(hour * 3_600_000), DECIMALS);
    journal.append(readingAt(hour * 3_600_000, garage), DECIMALS);
  }
  journal.flush();
  journal.append(readingAt(20_000_000), DECIMALS);
  const reader = new JournalReader(stateDir);
  const times = (meter?: string) => [...reader.each({ ...ALL, meter })].map((reading) => reading.timeMs / 1000);
  expect(times('house')).toEqual([0, 3600, 7200, 10_800, 14_400, 20_000]);
  expect(times()).toEqual([0, 0, 3600, 3600, 7200, 7200, 10_800, 10_800, 14_400, 14_400, 20_000]);
  reader.close();
  journal.close();
});

test('an empty journal yields nothing', () => {
  const stateDir = temporaryDirectory();
  open(stateDir).close();
  const reader = new JournalReader(stateDir);
  expect([...reader.each(ALL)]).toEqual([]);
  expect(reader.latest(HOUSE)).toBeUndefined();
  expect(reader.lastKnownMs(HOUSE)).toBeUndefined();
  reader.close();
});
