import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openForReading } from '../../agent/journal/database.ts';
import { unpack } from '../../agent/journal/packing.ts';
import { countReadings, DAY_MS, journalDays, segment } from '../../agent/journal/segment.ts';
import { open } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Reads a segment as its description says. */
function unfold(bytes: Buffer) {
  const end = bytes.indexOf(10);
  const head = JSON.parse(bytes.subarray(0, end).toString()) as {
    from: number;
    series: [number, string, string, string][];
    layouts: [number, string][];
    gaps: unknown[];
  };
  const readings = [];
  for (let at = end + 1; at < bytes.length; ) {
    const length = bytes.readUInt16LE(at + 10);
    const fields = JSON.parse(head.layouts.find(([id]) => id === bytes.readUInt16LE(at + 8))?.[1] ?? '') as [
      string,
      number | null,
    ][];
    readings.push({
      timeMs: head.from + bytes.readUIntLE(at, 6),
      meter: head.series.find(([id]) => id === bytes.readUInt16LE(at + 6))?.[2],
      values: unpack(
        fields.map(([name, decimals]) => ({ name, decimals })),
        bytes.subarray(at + 12, at + 12 + length),
      ),
    });
    at += 12 + length;
  }
  return { head, readings };
}

test('a segment holds the readings and gaps of its span, of all meters, and nothing else', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const garage = { ...HOUSE, meter: 'garage' };
  for (let second = 0; second < 20; second++) {
    journal.append(readingAt(DAY_MS - 10_000 + second * 1000), DECIMALS);
    journal.append(readingAt(DAY_MS - 10_000 + second * 1000, garage), DECIMALS);
  }
  journal.appendGap({ series: HOUSE, fromMs: DAY_MS + 60_000, toMs: DAY_MS + 70_000, cause: 'timeout' });
  journal.close();
  const db = openForReading(stateDir);
  const span = { fromMs: DAY_MS, toMs: 2 * DAY_MS };
  const { head, readings } = unfold(Buffer.concat([...segment(db, span)]));
  expect(readings).toHaveLength(20);
  expect(readings[0]).toEqual({ timeMs: DAY_MS, meter: 'house', values: readingAt(DAY_MS).values });
  expect(head.gaps).toEqual([[1, DAY_MS + 60_000, DAY_MS + 70_000, 'timeout']]);
  expect(countReadings(db, span)).toEqual({ energy: 20 });
  db.close();
});

test('whoever changes a day, by hand too, marks it anew; a journal of an older version knows its days', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (const day of [1, 2, 5]) journal.append(readingAt(day * DAY_MS), DECIMALS);
  journal.appendGap({ series: HOUSE, fromMs: 3 * DAY_MS, toMs: 3 * DAY_MS, cause: 'timeout' });
  journal.close();
  const db = new DatabaseSync(join(stateDir, 'journal.db'));
  const marks = () => new Map(journalDays(db).map(({ day, mark }) => [day, mark]));
  const before = marks();
  expect([...before.keys()]).toEqual([1, 2, 3, 5]);
  expect(new Set(before.values()).size).toBe(4);
  db.exec(`DELETE FROM reading WHERE key < ${2 * DAY_MS * 1024}`);
  db.exec("UPDATE gap SET cause = 'crc'");
  const after = marks();
  expect([1, 2, 3, 5].map((day) => before.get(day) === after.get(day))).toEqual([false, true, false, true]);
  for (const { name } of db.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all()) {
    db.exec(`DROP TRIGGER ${name}`);
  }
  db.exec('DROP TABLE day; PRAGMA user_version = 2');
  open(stateDir).close();
  expect([...marks().keys()]).toEqual([2, 3, 5]);
  db.close();
});
