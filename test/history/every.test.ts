import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { groupEvery } from '../../agent/export/every.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { bring, commit, keepUp, openHistory } from '../support/history.ts';
import { readAll } from '../support/open-journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type FuzzCase, someReadings } from './fuzz.ts';

const MINUTE_MS = 60_000;
const CASE: FuzzCase = { zone: 'Europe/Berlin', fromMs: Date.parse('2026-05-01T00:00:20Z'), hours: 40, seed: 9 };

/** Prepared once: nobody changes it. */
let stateDir: string;
let readings: Reading[];
beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'energy-monitor-test-'));
  const all = someReadings(CASE);
  commit(stateDir, all.slice(0, 4000));
  keepUp(stateDir);
  // Some of it is not in the history yet, some came late.
  bring(stateDir, all.slice(4000));
  readings = readAll(stateDir).readings;
});
afterAll(() => rmSync(stateDir, { recursive: true }));

test.for([
  1, 3, 5, 7, 15, 45, 60, 90, 240, 1440,
])('groups of %i minutes are those of the readings, also at ragged ends', (minutes) => {
  // As of years, but for the finest.
  const history = openHistory(stateDir, undefined, minutes === 1 ? undefined : 5);
  for (const [fromMs, toMs, meter] of [
    [0, Number.MAX_SAFE_INTEGER, undefined],
    [CASE.fromMs + 7_777_000, CASE.fromMs + 100_003_000, 'house'],
    [CASE.fromMs + 61_000, CASE.fromMs + 119_000, undefined],
  ] as const) {
    const own = readings.filter(
      ({ timeMs, series }) => timeMs >= fromMs && timeMs < toMs && (meter === undefined || series.meter === meter),
    );
    const order = (a: { timeMs: number; series: { meter: string } }, b: typeof a) =>
      a.timeMs - b.timeMs || (a.series.meter < b.series.meter ? -1 : 1);
    const expected = [...groupEvery(own, minutes * MINUTE_MS)].sort(order);
    const found = [...history.every({ fromMs, toMs, meter }, minutes * MINUTE_MS)];
    expect(found).toEqual(expected.map(rounded));
  }
});

test('years without readings are stepped over', () => {
  const stateDir = temporaryDirectory();
  const [one] = someReadings(CASE);
  if (!one) throw new Error('no reading');
  // A Pi that did not know the time, and one that knew it wrong.
  const times = [5000, CASE.fromMs, Date.parse('2061-01-01T00:00Z')];
  commit(
    stateDir,
    times.map((timeMs) => ({ ...one, timeMs })),
  );
  const timesEvery = () =>
    [...openHistory(stateDir).every({ fromMs: 0, toMs: 4e12 }, MINUTE_MS)].map(({ timeMs }) => timeMs);
  const minutes = times.map((timeMs) => Math.floor(timeMs / MINUTE_MS) * MINUTE_MS);
  expect(timesEvery()).toEqual(minutes);
  keepUp(stateDir);
  expect(timesEvery()).toEqual(minutes);
});

/** Sums of binary fractions are not exact: where a mean ends in a half, the last of its six decimals may be another. */
function rounded(reading: Reading): Reading {
  const values = Object.entries(reading.values).map(([name, value]) => [name, expect.closeTo(value, 5)]);
  return { ...reading, values: Object.fromEntries(values) };
}
