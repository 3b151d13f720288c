import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { BEGINNING } from '../../agent/journal/cursors.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import { Feed } from '../../agent/journal/feed.ts';
import { applyRetention } from '../../agent/journal/retention.ts';
import { open, readAll } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('retention by age waits for each consumer; by size the oldest go, never the newest, and it says who had not taken them', () => {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const journal = open(stateDir);
  for (let second = 1; second <= 10; second++) journal.append(readingAt(second * 1000), DECIMALS);
  journal.flush();
  const feed = new Feed(stateDir);
  journal.cursors.set('influx', feed.after(BEGINNING, 4).position);
  journal.cursors.set('history', feed.after(BEGINNING, 1000).position);
  feed.close();
  journal.close();
  const limits = { takenBy: 'history', log };
  open(stateDir, { ...limits, maxAgeMs: 0 }).close();
  // The one that it stands at stays as well.
  expect(readAll(stateDir).durable).toEqual([4, 5, 6, 7, 8, 9, 10].map((second) => readingAt(second * 1000)));
  expect(lines.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  open(stateDir, { ...limits, maxAgeMs: 0, maxBytes: 1 }).close();
  expect(readAll(stateDir).durable).toEqual([readingAt(10_000)]);
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, readings: 5, consumers: ['influx'] }));
});

test('retention by age does not wait for what came late and is young, nor overtake what is old', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (const second of [100, 200, 300, 400]) journal.append(readingAt(second * 1000), DECIMALS);
  journal.flush();
  journal.cursors.set('influx', { key: Number.MAX_SAFE_INTEGER, late: 0 });
  journal.append(readingAt(350_000), DECIMALS);
  journal.close();
  const times = () => readAll(stateDir).readings.map(({ timeMs }) => timeMs / 1000);
  open(stateDir, { maxAgeMs: 150_000 }).close();
  expect(times()).toEqual([300, 350, 400]);
  open(stateDir, { maxAgeMs: 0 }).close();
  // The minute of the late one.
  expect(times()).toEqual([300, 350, 400]);
  const last = open(stateDir, { maxAgeMs: 0 });
  last.cursors.set('influx', { key: Number.MAX_SAFE_INTEGER, late: 1 });
  last.close();
  expect(times()).toEqual([400]);
});

test('what arrived late is forgotten once each sink has it, and counts as untaken until then', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const lateCount = () => {
    const db = new DatabaseSync(join(stateDir, 'journal.db'), { readOnly: true });
    const n = Number(db.prepare('SELECT count(*) AS n FROM late').get()?.n);
    db.close();
    return n;
  };
  journal.cursors.set('a', BEGINNING);
  journal.cursors.set('b', BEGINNING);
  for (const second of [10, 5, 6]) {
    journal.append(readingAt(second * 1000), DECIMALS);
    journal.flush();
  }
  journal.close();
  const again = open(stateDir);
  expect(lateCount()).toBe(2);
  const feed = new Feed(stateDir);
  const { position } = feed.after({ ...BEGINNING, key: Number.MAX_SAFE_INTEGER }, 1);
  feed.close();
  expect(position.late).toBe(1);
  again.cursors.set('a', { key: Number.MAX_SAFE_INTEGER, late: 2 });
  again.cursors.set('b', { key: Number.MAX_SAFE_INTEGER, late: 1 });
  again.close();
  expect(lateCount()).toBe(1);
  const { log, lines } = recordingLog();
  open(stateDir, { maxBytes: 1, log }).close();
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, readings: 1, consumers: ['b'] }));
});

test('a sink that is gone from the configuration is not waited for', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (const consumer of ['gone', 'here']) journal.cursors.set(consumer, BEGINNING);
  journal.cursors.keepOnly(['here', 'new']);
  expect(journal.cursors.all().map(({ consumer }) => consumer)).toEqual(['here']);
  journal.close();
});

test('retention by age leaves what is young alone, also behind a reading with a date of 1970', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  for (let day = 20; day > 10; day--) journal.append(readingAt(nowMs - day * 86_400_000), DECIMALS);
  journal.append(readingAt(5000), DECIMALS);
  for (let day = 10; day > 0; day--) journal.append(readingAt(nowMs - day * 86_400_000), DECIMALS);
  journal.close();
  open(stateDir, { maxAgeMs: 30 * 86_400_000 }).close();
  expect(readAll(stateDir).readings).toHaveLength(20);
});

test('retention by size keeps readings and gaps within its bound', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (let second = 1; second <= 9000; second++) {
    if (second % 2 === 0) journal.append(readingAt(second * 1000), DECIMALS);
    else journal.appendGap({ series: HOUSE, fromMs: second * 1000, toMs: second * 1000, cause: 'timeout' });
  }
  journal.close();
  for (let pass = 0; pass < 6; pass++) open(stateDir, { maxBytes: 60_000 }).close();
  const { readings, gaps } = readAll(stateDir);
  expect(readings.at(-1)).toEqual(readingAt(9_000_000));
  expect(readings.length).toBeLessThan(1500);
  expect(gaps.length).toBeLessThan(1500);
});

test('readings of a clock that is years ahead make nothing old, until they have gone on for a week', () => {
  const stateDir = temporaryDirectory();
  const DAY_MS = 86_400_000;
  const nowMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const aheadMs = nowMs + 73 * 365 * DAY_MS;
  const journal = open(stateDir);
  for (let day = 40; day >= 0; day--) journal.append(readingAt(nowMs - day * DAY_MS), DECIMALS);
  for (let hour = 0; hour < 24; hour++) journal.append(readingAt(aheadMs + hour * 3_600_000), DECIMALS);
  journal.close();
  const db = openForWriting(stateDir);
  const deleted = () => applyRetention(db, { maxAgeMs: 30 * DAY_MS }, aheadMs + 30 * DAY_MS).deleted;
  expect(deleted()).toBe(10);
  const again = open(stateDir);
  for (let day = 1; day <= 8; day++) again.append(readingAt(aheadMs + day * DAY_MS), DECIMALS);
  again.close();
  expect(deleted()).toBe(31);
  db.close();
});
