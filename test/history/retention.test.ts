import { expect, test } from 'vitest';
import { HistoryKeeper } from '../../agent/history/keeper.ts';
import { Cursors, HISTORY_CONSUMER } from '../../agent/journal/cursors.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import { timeOfKey } from '../../agent/journal/keys.ts';
import { applyRetention } from '../../agent/journal/retention.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { bring, commit, FOR_EVER, keepUp, openHistory, readingsOf } from '../support/history.ts';
import { HOUSE } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { expectRight, type FuzzCase } from './fuzz.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.parse('2026-03-01T23:00Z');
const CASE: FuzzCase = { zone: 'Europe/Berlin', fromMs: START_MS, hours: 30, seed: 1 };

const values = (timeMs: number) => ({
  voltage: 230 + ((timeMs / 1000) % 700) / 100,
  active_power: (timeMs / 1000) % 911,
  active_energy: Math.floor((timeMs - START_MS) / 36_000) / 100,
});

function someHours(stepMs = 20_000): Reading[] {
  return readingsOf(HOUSE, START_MS, (CASE.hours * HOUR_MS) / stepMs, stepMs, values);
}

/** Lets the journal forget readings before a time, as retention does once the history has them. @returns readings left */
function forget(stateDir: string, beforeMs: number): number {
  const db = openForWriting(stateDir);
  const newest = db.prepare('SELECT max(key) AS key FROM reading').get() as { key: number };
  // Ages are told from the newest reading, whatever the clock says.
  const maxAgeMs = Math.max(1, timeOfKey(newest.key) - beforeMs);
  while (applyRetention(db, { maxAgeMs, takenBy: HISTORY_CONSUMER }, Date.now()).deleted > 0);
  const { n } = db.prepare('SELECT count(*) AS n FROM reading').get() as { n: number };
  db.close();
  return n;
}

test('readings that the journal has let go stay in the history, also when others come late beside them', () => {
  const stateDir = temporaryDirectory();
  const all = someHours();
  // Each seventh comes when the others are gone: seconds, whole minutes and whole hours of them.
  const isLate = ({ timeMs }: Reading) =>
    timeMs % 140_000 === 0 || Math.floor(timeMs / 60_000) % 11 === 3 || Math.floor(timeMs / HOUR_MS) % 13 === 5;
  const late = all.filter(isLate);
  commit(
    stateDir,
    all.filter((reading) => !isLate(reading)),
  );
  keepUp(stateDir);
  expect(forget(stateDir, START_MS + 29.9 * HOUR_MS)).toBeLessThan(30);
  bring(stateDir, late.slice(0, 200));
  expectRight(
    openHistory(stateDir),
    all.filter((reading) => !isLate(reading) || late.indexOf(reading) < 200),
    CASE,
  );
  keepUp(stateDir);
  bring(stateDir, late.slice(200));
  keepUp(stateDir);
  forget(stateDir, START_MS + 29.9 * HOUR_MS);
  expectRight(openHistory(stateDir), all, CASE);
  // The same import once more: the journal does not know these readings any more, the history does.
  bring(stateDir, all.slice(0, 3000));
  keepUp(stateDir);
  expectRight(openHistory(stateDir), all, CASE);
});

test('an import that brings one quantity after the other loses none of them', () => {
  const stateDir = temporaryDirectory();
  const all = someHours();
  for (const name of ['voltage', 'active_power', 'active_energy'] as const) {
    const part = all.map((reading) => ({ ...reading, values: { [name]: reading.values[name] ?? 0 } }));
    bring(stateDir, part);
    keepUp(stateDir);
    forget(stateDir, START_MS + 30 * HOUR_MS);
  }
  expectRight(openHistory(stateDir), all, CASE);
});

test('what the history has not taken yet is not deleted for its age, and late readings hold that up as well', () => {
  const stateDir = temporaryDirectory();
  const all = someHours(60_000);
  commit(stateDir, all);
  expect(forget(stateDir, START_MS + 20 * HOUR_MS)).toBe(all.length);
  const keeper = new HistoryKeeper({ stateDir, timeZone: 'UTC', retention: FOR_EVER, readingsAStep: 600 });
  expect(keeper.step()).toBe(true);
  expect(forget(stateDir, START_MS + 20 * HOUR_MS)).toBe(all.length - 599);
  while (keeper.step());
  bring(stateDir, readingsOf({ ...HOUSE, meter: 'garage' }, START_MS, 1, 1, values));
  expect(forget(stateDir, START_MS + 20 * HOUR_MS)).toBe(all.length - 598);
  keeper.step();
  keeper.close();
  expect(forget(stateDir, START_MS + 20 * HOUR_MS)).toBe(600);
  // By size, all of it may go, and that is said.
  const db = openForWriting(stateDir);
  new Cursors(db).set(HISTORY_CONSUMER, { key: 0, late: 0 });
  const { deleted, untaken } = applyRetention(db, { maxBytes: 1, takenBy: HISTORY_CONSUMER }, Date.now());
  db.close();
  expect([deleted > 500, untaken]).toEqual([true, deleted]);
});

test('for the history alone, an import lists a minute and not each reading of it', () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, someHours(HOUR_MS));
  keepUp(stateDir);
  const listed = () => {
    const db = openForWriting(stateDir);
    const { n } = db.prepare('SELECT count(*) AS n FROM late').get() as { n: number };
    db.close();
    return n;
  };
  bring(stateDir, readingsOf(HOUSE, START_MS + 1000, 600, 1000, values));
  expect(listed()).toBe(11);
  const db = openForWriting(stateDir);
  new Cursors(db).set('influxdb', { key: Number.MAX_SAFE_INTEGER, late: 0 });
  db.close();
  bring(stateDir, readingsOf(HOUSE, START_MS + 2 * HOUR_MS + 1000, 600, 1000, values));
  expect(listed()).toBe(611);
});

test('each level is kept as long as it should be, and coarser points stand for finer ones that are gone', () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, readingsOf(HOUSE, START_MS, 30 * 96, 900_000, values));
  const nowMs = START_MS + 30 * DAY_MS;
  const retention = { minute: 10 * DAY_MS, quarter: 20 * DAY_MS, hour: undefined };
  // A few days at once: a clock that is wrong for a while costs no more.
  for (let pass = 0; pass < 3; pass++) keepUp(stateDir, { retention }, nowMs);
  const history = openHistory(stateDir);
  const lengths = (resolution: 'minute' | 'quarter' | 'hour') => {
    const [house] = history.points({ fromMs: START_MS, toMs: nowMs }, resolution, ['voltage']);
    const counts = new Map<number, number>();
    for (const { fromMs, toMs } of house?.points ?? []) {
      const minutes = (toMs - fromMs) / 60_000;
      counts.set(minutes, (counts.get(minutes) ?? 0) + 1);
    }
    return Object.fromEntries(counts);
  };
  // Whole UTC days: the bounds lie an hour before.
  expect(lengths('hour')).toEqual({ 60: 720 });
  expect(lengths('quarter')).toEqual({ 60: 217, 15: 2012 });
  expect(lengths('minute')).toEqual({ 60: 217, 15: 960, 1: 1052 });
  const [house] = history.energy({ fromMs: START_MS, toMs: nowMs }, 'day');
  const sum = house?.periods.reduce((total, { energies }) => total + (energies.active_energy?.amount ?? 0), 0);
  expect(sum).toBeCloseTo(values(nowMs - 900_000).active_energy, 6);
});

test('readings of a clock that is years ahead let no level go', () => {
  const stateDir = temporaryDirectory();
  const aheadMs = START_MS + 40 * 365 * DAY_MS;
  commit(stateDir, [
    ...readingsOf(HOUSE, START_MS, 20, DAY_MS, values),
    ...readingsOf(HOUSE, aheadMs, 24, HOUR_MS, () => ({ voltage: 230 })),
  ]);
  const retention = { minute: 10 * DAY_MS, quarter: undefined, hour: undefined };
  for (let pass = 0; pass < 5; pass++) keepUp(stateDir, { retention }, aheadMs + DAY_MS);
  const lengths = () =>
    openHistory(stateDir)
      .points({ fromMs: START_MS, toMs: START_MS + 20 * DAY_MS }, 'minute', ['voltage'])
      .flatMap(({ points }) => points.map(({ fromMs, toMs }) => toMs - fromMs));
  expect(lengths().filter((length) => length === 60_000)).toHaveLength(10);
});
