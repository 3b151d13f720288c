import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workplace } from '../../bench/workplace.ts';
import { dashboard, PAGE, type Page, queryOf, type Rows } from './asking.ts';
import { type Filled, filledServer } from './filled-server.ts';
import { dayAfter, startOfDay, startOfMonth } from './ledger.ts';
import {
  DAY_MS,
  GAPS,
  HOUR_MS,
  METER,
  QUARTER_MS,
  REMODELLED_MS,
  REPLACED_MS,
  RESET_MS,
  START_MS,
  STOP_MS,
  type WorldOptions,
} from './world.ts';

const HOME = dashboard('home');
const workplace = new Workplace();
let filled: Filled;
const ask = (title: string, page: Page = PAGE, name = title) =>
  filled.answers.ask(`home: ${name}`, queryOf(HOME, title), page);
const number = (row: Rows[number] | undefined, column: string) => Number(row?.[column] ?? Number.NaN);
const timeOf = (row: Rows[number]) => Date.parse(row._time ?? '');

/** Registers have steps of 0.01 kWh, at either end of a period. */
const STEP = 0.0201;
/** kWh that a home draws in a quarter of an hour at most. */
const quarterAt = (timeMs: number) => {
  const from = timeMs - (timeMs % QUARTER_MS);
  return filled.world.ledger.kwh(from, from + QUARTER_MS);
};
/** What a register cannot tell of a period: its steps, and the quarter in which it was reset or replaced. */
function unknown(fromMs: number, toMs: number): number {
  const broken = [RESET_MS, REPLACED_MS, REMODELLED_MS].filter((at) => at >= fromMs && at < toMs);
  // A replacement that nobody watched: all of that gap is unknown.
  const unwatched = broken.flatMap((at) => GAPS.filter(([from, to]) => at >= from && at < to));
  const gaps = unwatched.map(([from, to]) => filled.world.ledger.kwh(from, to) + quarterAt(to));
  return (
    STEP +
    broken.reduce((sum, at) => sum + (at === RESET_MS ? filled.world.ledger.unreadAtReset : quarterAt(at)) + STEP, 0) +
    gaps.reduce((sum, one) => sum + one, 0)
  );
}

/** Proves each number of Home. */
export const proveHome = (options: WorldOptions, by: string) =>
  describe(`Home, over 14 months, by ${by}`, () => {
    beforeAll(async () => {
      filled = await filledServer(workplace, 'home', options);
    }, 240_000);
    afterAll(() => workplace[Symbol.dispose]());

    test('power now is the newest reading', async () => {
      const [row] = await ask('Power now');
      expect(number(row, 'power')).toBe(filled.world.ledger.latest?.values.active_power);
      expect(row?._time).toBe(new Date(STOP_MS - 1000).toISOString().replace('.000', ''));
    });

    test('power now is nothing while the meter is silent', async () => {
      const [, gapEndMs = 0] = GAPS.at(-1) ?? [];
      const rows = await ask('Power now', { ...PAGE, toMs: gapEndMs - 60_000 }, 'Power now, silent');
      expect(rows.filter((row) => row.power)).toEqual([]);
    });

    test('today and as much of yesterday', async () => {
      const [row] = await ask('Today');
      const { ledger } = filled.world;
      const [today, yesterday] = [startOfDay(STOP_MS), dayAfter(STOP_MS, -1)];
      expect(Math.abs(number(row, 'now') - ledger.kwh(today, STOP_MS))).toBeLessThan(STEP);
      expect(Math.abs(number(row, 'before') - ledger.kwh(yesterday, yesterday + STOP_MS - today))).toBeLessThan(STEP);
    });

    test('this month and as much of the last', async () => {
      const [row] = await ask('This month');
      const { ledger } = filled.world;
      const [month, last] = [startOfMonth(STOP_MS), startOfMonth(STOP_MS, -1)];
      expect(Math.abs(number(row, 'now') - ledger.kwh(month, STOP_MS))).toBeLessThan(STEP);
      expect(Math.abs(number(row, 'before') - ledger.kwh(last, last + STOP_MS - month))).toBeLessThan(STEP);
    });

    test('a month that is compared with a shorter one stops where that ends', async () => {
      const toMs = Date.UTC(2026, 2, 31, 20);
      const [row] = await ask('This month', { ...PAGE, toMs }, 'This month, March');
      const { ledger } = filled.world;
      const [month, last] = [startOfMonth(toMs), startOfMonth(toMs, -1)];
      expect(Math.abs(number(row, 'before') - ledger.kwh(last, month))).toBeLessThan(STEP);
    });

    test('the cost is the month times the price, and nothing without a price', async () => {
      const [month] = await ask('This month');
      const [row] = await ask('Cost this month');
      expect(number(row, 'cost')).toBeCloseTo(0.25 * number(month, 'now'), 6);
      const free = { ...PAGE, variables: { ...PAGE.variables, price: '0' } };
      expect((await ask('Cost this month', free, 'Cost without a price')).filter((one) => one.cost)).toEqual([]);
    });

    test('each of the last 31 days, the one of 23 hours among them', async () => {
      const rows = await ask('Energy by day');
      expect(rows.map(timeOf)).toEqual(Array.from({ length: 31 }, (_, n) => dayAfter(STOP_MS, n - 30)));
      for (const row of rows) {
        const from = timeOf(row);
        const to = Math.min(dayAfter(from, 1), STOP_MS);
        expect(Math.abs(number(row, 'energy') - filled.world.ledger.kwh(from, to)), row._time).toBeLessThan(
          unknown(from, to),
        );
      }
    });

    test.each([
      ['a day of 25 hours', Date.UTC(2025, 10, 10, 12)],
      ['a day of 23 hours', Date.UTC(2025, 3, 20, 12)],
      ['a gap within a day', Date.UTC(2025, 5, 1, 12)],
      ['a reset', Date.UTC(2025, 8, 20, 12)],
      ['another meter of the same model', Date.UTC(2025, 11, 1, 12)],
      ['another model', Date.UTC(2026, 1, 1, 12)],
    ])('31 days with %s', async (what, toMs) => {
      const rows = await ask('Energy by day', { ...PAGE, toMs }, `Energy by day, ${what}`);
      expect(rows.map(timeOf)).toEqual(Array.from({ length: 31 }, (_, n) => dayAfter(toMs, n - 30)));
      for (const row of rows) {
        const from = timeOf(row);
        const to = Math.min(dayAfter(from, 1), toMs);
        expect(Math.abs(number(row, 'energy') - filled.world.ledger.kwh(from, to)), row._time).toBeLessThan(
          unknown(from, to),
        );
      }
    });

    test.each([
      ['Asia/Kolkata', 5.5],
      ['utc', 0],
      ['Pacific/Kiritimati', 14],
    ])('days of %s', async (zone, hours) => {
      const page = { ...PAGE, variables: { ...PAGE.variables, zone } };
      const rows = await ask('Energy by day', page, `Energy by day, ${zone}`);
      expect(rows).toHaveLength(31);
      for (const row of rows) {
        const from = timeOf(row);
        expect((from + hours * HOUR_MS) % DAY_MS, row._time).toBe(0);
        const to = Math.min(from + DAY_MS, STOP_MS);
        expect(Math.abs(number(row, 'energy') - filled.world.ledger.kwh(from, to)), row._time).toBeLessThan(
          unknown(from, to),
        );
      }
    });

    test('what was counted in a gap of two midnights is spread over its days, and their sum is right', async () => {
      const toMs = Date.UTC(2025, 6, 25, 12);
      const rows = await ask('Energy by day', { ...PAGE, toMs }, 'Energy by day, a gap over midnight');
      const [from, to] = GAPS[1] ?? [0, 0];
      const days = rows.filter((row) => timeOf(row) >= startOfDay(from) && timeOf(row) <= startOfDay(to));
      expect(days).toHaveLength(3);
      const sum = days.reduce((total, row) => total + number(row, 'energy'), 0);
      expect(Math.abs(sum - filled.world.ledger.kwh(startOfDay(from), dayAfter(to, 1)))).toBeLessThan(STEP);
      // The day without a reading has its share of that time.
      const inGap = filled.world.ledger.kwh(from, to);
      expect(Math.abs(number(days[1], 'energy') - (inGap * DAY_MS) / (to - from))).toBeLessThan(0.1);
    });

    test('each of the last 13 months', async () => {
      const rows = await ask('Energy by month');
      expect(rows.map(timeOf)).toEqual(Array.from({ length: 13 }, (_, n) => startOfMonth(STOP_MS, n - 12)));
      for (const row of rows) {
        const from = timeOf(row);
        const to = Math.min(startOfMonth(from, 1), STOP_MS);
        expect(Math.abs(number(row, 'energy') - filled.world.ledger.kwh(from, to)), row._time).toBeLessThan(
          unknown(from, to),
        );
      }
    });

    test('the tariffs of this month', async () => {
      const [row] = await ask('Tariffs this month');
      const truth = filled.world.ledger.tariffKwh(startOfMonth(STOP_MS), STOP_MS);
      truth.forEach((kwh, n) => {
        expect(Math.abs(number(row, `T${n + 1}`) - kwh), `T${n + 1}`).toBeLessThan(STEP);
      });
    });

    test('the highest quarter of an hour of each month', async () => {
      const rows = await ask('Monthly peak');
      expect(rows.map(timeOf)).toEqual(Array.from({ length: 13 }, (_, n) => startOfMonth(STOP_MS, n - 12)));
      for (const row of rows) {
        const [from, to] = [timeOf(row), startOfMonth(timeOf(row), 1)];
        expect(number(row, 'peak'), row._time).toBeCloseTo(Math.max(...meansBetween(from, to)), 6);
      }
    });

    test('the lowest quarter of an hour of each of 30 days', async () => {
      const rows = await ask('Base load');
      expect(rows.map(timeOf)).toEqual(Array.from({ length: 30 }, (_, n) => dayAfter(STOP_MS, n - 30)));
      for (const row of rows) {
        const [from, to] = [timeOf(row), dayAfter(timeOf(row), 1)];
        expect(number(row, 'base load'), row._time).toBeCloseTo(Math.min(...meansBetween(from, to)), 6);
      }
    });

    test('the mean of each hour of the week over eight weeks', async () => {
      const rows = await ask('Load by hour and weekday');
      expect(rows.map((row) => Number(row.hour))).toEqual(Array.from({ length: 24 }, (_, hour) => hour));
      const hours = new Map<string, number[]>();
      for (let day = dayAfter(STOP_MS, -56); day < startOfDay(STOP_MS); day = dayAfter(day, 1)) {
        if (dayAfter(day, 1) - day !== DAY_MS) continue;
        for (let at = day; at < dayAfter(day, 1); at += HOUR_MS) {
          const means = meansBetween(at, at + HOUR_MS);
          const name = `${['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][new Date(at).getDay()]} ${new Date(at).getHours()}`;
          if (means.length > 0) hours.set(name, [...(hours.get(name) ?? []), meanOf(means)]);
        }
      }
      expect(hours.size).toBe(7 * 24);
      for (const [name, means] of hours) {
        const [day = '', hour = ''] = name.split(' ');
        expect(number(rows[Number(hour)], day), name).toBeCloseTo(meanOf(means), 6);
      }
    });

    test('the curve reads raw readings, minutes or quarters, by what a pixel needs', async () => {
      const spans = [
        { name: '1 h', spanMs: HOUR_MS, intervalMs: 30_000, stepMs: 30_000 },
        // Eleven minutes: whole minutes, of which a quarter of an hour would be too wide.
        { name: '24 h', spanMs: DAY_MS, intervalMs: 630_000, stepMs: 660_000 },
        { name: '60 d', spanMs: 60 * DAY_MS, intervalMs: 43_000_000, stepMs: 43_200_000 },
      ];
      for (const { name, spanMs, intervalMs, stepMs } of spans) {
        const page = { ...PAGE, fromMs: STOP_MS - spanMs, intervalMs };
        const rows = await ask('Power', page, `Power, ${name}`);
        const means = rows.filter((row) => row.result === 'mean');
        const times = [...new Set(means.map(timeOf))].sort((a, b) => a - b);
        expect(times[2], name).toBe((times[1] ?? 0) + stepMs);
        const most = rows.filter((row) => row.result === 'most' && row.most).map((row) => number(row, 'most'));
        expect(Math.max(...most), name).toBe(mostBetween(page.fromMs, STOP_MS));
      }
    });

    test('a meter that is not there has no numbers', async () => {
      const page = { ...PAGE, variables: { ...PAGE.variables, meter: `${METER}-2` } };
      for (const { title } of HOME.panels) {
        const rows = await ask(title, page, `${title}, no meter`);
        expect(
          rows.filter((row) => Object.keys(row).length > 1),
          title,
        ).toEqual([]);
      }
    });
  });

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function meansBetween(fromMs: number, toMs: number): number[] {
  const means: number[] = [];
  for (let at = Math.max(fromMs, START_MS); at < Math.min(toMs, STOP_MS); at += QUARTER_MS) {
    const read = filled.world.ledger.quarters.get(at);
    if (read) means.push(read.meanW);
  }
  return means;
}

function mostBetween(fromMs: number, toMs: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const [at, { mostW }] of filled.world.ledger.quarters)
    if (at >= fromMs && at < toMs) most = Math.max(most, mostW);
  return most;
}
