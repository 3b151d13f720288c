import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { JournalReader } from '../../agent/journal/reader.ts';
import { TAIL_NAME, Tail } from '../../agent/journal/tail.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { ALL, open, readAll } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('an appended reading is seen by another process at once, and by consumers after the flush', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  journal.append(readingAt(1000), DECIMALS);
  expect(readAll(stateDir)).toMatchObject({ readings: [readingAt(1000)], durable: [] });
  journal.flush();
  expect(readAll(stateDir)).toMatchObject({
    readings: [readingAt(1000)],
    durable: [readingAt(1000)],
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

test('a second that comes again keeps its first reading, and that is said', () => {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const journal = open(stateDir, { log });
  journal.append(readingAt(1000), DECIMALS);
  journal.flush();
  journal.append({ ...readingAt(1000), values: { voltage: 1 } }, DECIMALS);
  journal.flush();
  journal.close();
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, readings: 1 }));
});

test('an entry that the database can never take does not hold up the others', () => {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const journal = open(stateDir, { log });
  journal.append(readingAt(1000), DECIMALS);
  journal.append({ ...readingAt(2000), timeMs: 2000.3 }, DECIMALS);
  journal.append(readingAt(3000), DECIMALS);
  journal.close();
  expect(readAll(stateDir).readings.map(({ timeMs }) => timeMs)).toEqual([1000, 3000]);
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, msg: 'an entry cannot be stored and is dropped' }));
});

test('the last reading of a meter that has been dead for long is found', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const garage = { ...HOUSE, meter: 'garage' };
  journal.append(readingAt(1000, garage), DECIMALS);
  for (let second = 2; second <= 3000; second++) {
    journal.append(readingAt(second * 1000), DECIMALS);
    journal.appendGap({
      series: garage,
      fromMs: second * 1000,
      toMs: second * 1000,
      cause: second < 9 ? 'crc' : 'timeout',
    });
  }
  journal.close();
  const reader = new JournalReader(stateDir);
  expect(reader.latest(garage)).toEqual(readingAt(1000, garage));
  expect(reader.lastKnownMs(garage)).toBe(3_000_000);
  // Beside a meter that lives, too, a dead one makes a row for each cause, not for each second.
  expect(reader.gaps(ALL)).toHaveLength(2);
  reader.close();
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

test('while the disk refuses for long, the newest entries wait in memory and in the tail; what is dropped is said', () => {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const journal = open(stateDir, { log });
  const other = new DatabaseSync(join(stateDir, 'journal.db'));
  other.exec('BEGIN IMMEDIATE');
  const random = seededRandom(7);
  for (let second = 1; second <= 20_500; second++) {
    // Too much for the spool: noise cannot be compressed.
    const values = { voltage: random(), current: random(), active_power: random() };
    journal.append({ series: HOUSE, timeMs: second * 1000, values }, DECIMALS);
  }
  journal.flush();
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, dropped: 1500 }));
  expect(Tail.read(join(journal.runtime.path, TAIL_NAME))).toHaveLength(19_000);
  other.exec('ROLLBACK');
  other.close();
  journal.close();
  const { readings } = readAll(stateDir);
  expect([readings.length, readings[0]?.timeMs, readings.at(-1)?.timeMs]).toEqual([19_000, 1_501_000, 20_500_000]);
});

test('an empty file in the place of the journal is said to a reader, and filled by a collector', () => {
  const stateDir = temporaryDirectory();
  writeFileSync(join(stateDir, 'journal.db'), '');
  expect(() => new JournalReader(stateDir)).toThrowError(/is empty or no journal of energy-monitor/);
  open(stateDir).close();
  new JournalReader(stateDir).close();
});

test('a database of another program is refused and left alone', () => {
  const stateDir = temporaryDirectory();
  const foreign = new DatabaseSync(join(stateDir, 'journal.db'));
  foreign.exec('CREATE TABLE accounts (name TEXT)');
  foreign.close();
  expect(() => open(stateDir)).toThrowError(
    expect.objectContaining({ code: 'storage', message: expect.stringMatching(/not a journal of energy-monitor/) }),
  );
  expect(readdirSync(stateDir).filter((name) => name.startsWith('journal.db.damaged'))).toEqual([]);
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

test('what a compaction or a restore has left that was cut off goes with the next start', () => {
  const stateDir = temporaryDirectory();
  const drafts = ['compacting', 'compacting-journal', 'restoring'].map((end) => join(stateDir, `journal.db.${end}`));
  for (const draft of drafts) writeFileSync(draft, 'half');
  open(stateDir).close();
  expect(drafts.filter((draft) => existsSync(draft))).toEqual([]);
});

test('readings of one measurement alone are found, committed or not', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir, { commitIntervalMs: 0 });
  onTestFinished(() => journal.close());
  const host = { measurement: 'host', meter: 'house', model: 'Pi' };
  for (const timeMs of [1000, 2000]) {
    journal.append(readingAt(timeMs), DECIMALS);
    journal.append(readingAt(timeMs, host), DECIMALS);
    if (timeMs === 1000) journal.flush();
  }
  const reader = new JournalReader(stateDir);
  onTestFinished(() => reader.close());
  const found = reader.readings({ ...ALL, measurement: 'host' });
  expect(found).toEqual([readingAt(1000, host), readingAt(2000, host)]);
  expect(reader.readings({ ...ALL, meter: 'house', measurement: 'energy' })).toHaveLength(2);
});
