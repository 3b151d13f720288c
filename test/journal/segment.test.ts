import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openForReading } from '../../agent/journal/database.ts';
import { unseal } from '../../agent/journal/seal.ts';
import { countReadings, DAY_MS, journalDays, segment } from '../../agent/journal/segment.ts';
import { countSegment, layoutFields, readSegment } from '../../agent/journal/segment-reader.ts';
import { open } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Reads a segment as its description says. */
function unfold(bytes: Buffer) {
  const { head, rows } = readSegment(bytes);
  const readings = [...rows()].map(({ timeMs, series: id, layout, data }) => {
    const [, measurement = '', meter = '', model = ''] = head.series.find(([known]) => known === id) ?? [];
    const at = { series: { measurement, meter, model }, timeMs };
    return { timeMs, meter, values: unseal(at, layoutFields(head, layout), data) };
  });
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

test('whoever changes a day, by hand too, marks it anew', () => {
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
  db.close();
});

test('a segment that is cut anywhere in a reading is found, and the whole one is counted', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (let second = 0; second < 3; second++) journal.append(readingAt(DAY_MS + second * 1000), DECIMALS);
  journal.close();
  const db = openForReading(stateDir);
  const bytes = Buffer.concat([...segment(db, { fromMs: DAY_MS, toMs: 2 * DAY_MS })]);
  db.close();
  expect(countSegment(bytes)).toEqual({ energy: 3 });
  const last = [...readSegment(bytes).rows()].at(-1)?.data.length ?? 0;
  for (let length = bytes.length - 1; length > bytes.length - last - 12; length--) {
    expect(() => countSegment(bytes.subarray(0, length)), String(length)).toThrow(RangeError);
  }
  expect(() => countSegment(Buffer.from('noise'))).toThrow(SyntaxError);
});
