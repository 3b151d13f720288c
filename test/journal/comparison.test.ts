import { DatabaseSync, StatementSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { compareJournals } from '../../agent/journal/comparison.ts';
import { journalPath } from '../../agent/journal/database.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { open } from '../support/open-journal.ts';
import { readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIRST_S = 1_772_323_200;
const DAY_S = 86_400;
const LATER_MS = (FIRST_S + 10 * DAY_S) * 1000;

/** Two journals with the same three days. */
function twins(): [string, string] {
  const pair: [string, string] = [temporaryDirectory(), temporaryDirectory()];
  for (const stateDir of pair)
    for (let day = 0; day < 3; day++) fillJournal(stateDir, secondsFrom(FIRST_S + day * DAY_S, 100));
  return pair;
}

function change(stateDir: string, sql: string): void {
  const db = new DatabaseSync(journalPath(stateDir));
  db.exec(sql);
  db.close();
}

const OF_DAY = (day: number) =>
  `key >= ${(FIRST_S + day * DAY_S) * 1000 * 1024} AND key < ${(FIRST_S + (day + 1) * DAY_S) * 1000 * 1024}`;

test('journals with the same readings are the same', () => {
  const [own, other] = twins();
  const days: string[] = [];
  const result = compareJournals(own, other, LATER_MS, (done, all) => days.push(`${done}/${all}`));
  expect(result).toEqual({ compared: 300, differences: [] });
  expect(days).toEqual(['1/3', '2/3', '3/3']);
});

test('the same under other ids of series and layouts are the same', () => {
  const [own, other] = [temporaryDirectory(), temporaryDirectory()];
  const house = readingAt(FIRST_S * 1000);
  const flat = { ...house, series: { ...house.series, meter: 'flat' } };
  const short = { series: house.series, timeMs: house.timeMs + 1000, values: { voltageV: 230 } };
  for (const [stateDir, readings] of [
    [own, [house, flat, short]],
    [other, [short, flat, house]],
  ] as const) {
    const journal = open(stateDir);
    for (const reading of readings) journal.append(reading, {});
    journal.close();
  }
  expect(compareJournals(own, other, LATER_MS)).toEqual({ compared: 3, differences: [] });
});

test('what retention takes away while a day is looked at is no loss', () => {
  const [own, other] = twins();
  const { all } = StatementSync.prototype;
  let asked = 0;
  vi.spyOn(StatementSync.prototype, 'all').mockImplementation(function (this: StatementSync, ...bounds) {
    if (bounds.length === 2 && asked++ === 1) change(own, `DELETE FROM reading WHERE ${OF_DAY(0)}`);
    return all.apply(this, bounds);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  expect(compareJournals(own, other, LATER_MS).differences).toEqual([]);
  expect(asked).toBe(6);
});

test('what one has lost, what came, and what has other values is told by day', () => {
  const [own, other] = twins();
  change(own, `DELETE FROM reading WHERE ${OF_DAY(1)} AND key / 1024000 % 10 = 3`);
  change(own, `UPDATE reading SET data = zeroblob(length(data)) WHERE ${OF_DAY(2)} AND key / 1024000 % 50 = 7`);
  change(other, `DELETE FROM reading WHERE ${OF_DAY(0)} AND key / 1024000 % 20 = 5`);
  const { differences } = compareJournals(own, other, LATER_MS);
  const none = { measurement: 'energy', missing: 0, gone: 0, different: 0 };
  expect(differences.map(({ mark: _, ...one }) => one)).toEqual([
    { ...none, day: '2026-03-01', missing: 5 },
    { ...none, day: '2026-03-02', gone: 10 },
    { ...none, day: '2026-03-03', different: 2 },
  ]);
});

test('what came after the backup, and what retention has let go, is no difference', () => {
  const [own, other] = twins();
  change(own, `DELETE FROM reading WHERE ${OF_DAY(0)} AND key / 1024000 % 86400 < 50`);
  fillJournal(own, secondsFrom(FIRST_S + 2 * DAY_S + 5000, 100));
  expect(compareJournals(own, other, (FIRST_S + 2 * DAY_S + 5000) * 1000)).toEqual({ compared: 250, differences: [] });
});

test('a journal that is none is a sentence', () => {
  const [own] = twins();
  expect(() => compareJournals(temporaryDirectory(), own, LATER_MS)).toThrow(/there is no journal in/);
  expect(() => compareJournals(own, temporaryDirectory(), LATER_MS)).toThrow(/there is no journal in/);
});
