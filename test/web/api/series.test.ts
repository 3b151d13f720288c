import { expect, test } from 'vitest';
import type { Reading } from '../../../agent/readings/reading.ts';
import { commit, keepUp, readingsOf } from '../../support/history.ts';
import { open } from '../../support/open-journal.ts';
import { startPage } from '../../support/page.ts';
import { DECIMALS, HOUSE } from '../../support/readings.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { ask, queryOf } from '../../support/web-api.ts';

const HOUR_MS = 3_600_000;
/** Of the past: it stays as it is. */
const NOON_MS = Date.parse('2026-09-20T10:00Z');

const power = (timeMs: number) => 200 + ((timeMs / 1000) % 97);
const seconds = (fromMs: number, count: number, stepMs = 1000, series = HOUSE) =>
  readingsOf(series, fromMs, count, stepMs, (timeMs) => ({ active_power: power(timeMs), voltage: 230.5 }));

async function home(readings: readonly Reading[], { intervalMs = 1000, kept = false } = {}) {
  const stateDir = temporaryDirectory();
  commit(stateDir, readings);
  if (kept) keepUp(stateDir);
  const meters = [{ name: 'house', model: 'we-515', intervalMs }];
  const page = await startPage({ stateDir, meters, timeZone: 'Europe/Rome' });
  const series = async (more: Parameters<typeof queryOf>[0]) =>
    ask(page, `/api/v1/series${queryOf({ meter: 'house', ...more })}`);
  return { page, stateDir, series };
}

test('ten minutes are given as they were read', async () => {
  const { series } = await home(seconds(NOON_MS, 600));
  const { json } = await series({ from: NOON_MS, to: NOON_MS + 600_000, quantity: ['active_power', 'voltage'] });
  expect(json).toMatchObject({ meter: 'house', resolution: 'second', stepMs: 1000, from: '2026-09-20T10:00:00.000Z' });
  const times = Array.from({ length: 600 }, (_, i) => NOON_MS + i * 1000);
  expect(json.timesMs).toEqual(times);
  expect(json.quantities.active_power).toMatchObject({ unit: 'W', kind: 'gauge', mean: times.map(power) });
  expect(json.quantities.voltage.max).toEqual(times.map(() => 230.5));
});

test('more than the points that are asked for become steps, with what was least and greatest', async () => {
  const readings = seconds(NOON_MS, 3600);
  const spike = readings[1234];
  if (spike) spike.values.active_power = 9000;
  const { series } = await home(readings);
  const { json } = await series({ from: NOON_MS, to: NOON_MS + HOUR_MS, points: 100 });
  expect(json).toMatchObject({ resolution: 'second', stepMs: 36_000 });
  expect(json.timesMs).toHaveLength(100);
  expect(Math.max(...json.quantities.active_power.max)).toBe(9000);
  expect(json.quantities.active_power.max[34]).toBe(9000);
  expect(json.quantities.active_power.mean[34]).toBeLessThan(600);
});

test('a hole breaks the line at both ends, also where it is at the edge of steps', async () => {
  const { series } = await home([...seconds(NOON_MS, 60), ...seconds(NOON_MS + 300_000, 60)]);
  const { json } = await series({ from: NOON_MS, to: NOON_MS + 360_000 });
  const at = (second: number) => NOON_MS + second * 1000;
  expect(json.timesMs.slice(58, 64)).toEqual([at(58), at(59), at(60), at(299), at(300), at(301)]);
  expect(json.quantities.active_power.mean.slice(59, 63)).toEqual([power(at(59)), null, null, power(at(300))]);
  expect(json.quantities.active_power.min.filter((value: number | null) => value === null)).toHaveLength(2);
  const one = await home([...seconds(NOON_MS, 60), ...seconds(NOON_MS + 61_000, 60)]);
  const { timesMs } = (await one.series({ from: NOON_MS, to: NOON_MS + 121_000 })).json;
  expect(timesMs).toEqual(Array.from({ length: 121 }, (_, i) => NOON_MS + i * 1000));
});

test('a meter that is read each quarter of an hour has a line, and a hole where one reading is missing', async () => {
  const readings = seconds(NOON_MS, 20, 900_000).filter((_, i) => i !== 9);
  const { series } = await home(readings, { intervalMs: 900_000 });
  const raw = (await series({ from: NOON_MS, to: NOON_MS + 5 * HOUR_MS })).json;
  expect(raw.stepMs).toBe(900_000);
  expect(raw.timesMs).toHaveLength(20);
  const missing = (values: (number | null)[]) => values.flatMap((value, i) => (value === null ? [i] : []));
  expect(missing(raw.quantities.active_power.mean)).toEqual([9]);
  const minutes = (await series({ from: NOON_MS, to: NOON_MS + 5 * HOUR_MS, resolution: 'minute' })).json;
  expect(missing(minutes.quantities.active_power.mean)).toEqual([9, 10]);
  const quarters = (await series({ from: NOON_MS, to: NOON_MS + 5 * HOUR_MS, resolution: 'quarter' })).json;
  expect(missing(quarters.quantities.active_power.mean)).toEqual([9]);
});

test('a quantity that is read less often than its meter has no holes', async () => {
  const readings = seconds(NOON_MS, 600).map((reading, i) => ({
    ...reading,
    values: { ...reading.values, ...(i % 10 === 0 ? { active_energy: 100 + i / 1000 } : {}) },
  }));
  const { series } = await home(readings);
  const asked = { from: NOON_MS, to: NOON_MS + 600_000, quantity: ['active_power', 'active_energy'] };
  const { json } = await series(asked);
  expect(json.stepMs).toBe(10_000);
  expect(json.quantities.active_energy).toMatchObject({ unit: 'kWh', kind: 'counter' });
  expect(json.quantities.active_energy.last).not.toContain(null);
  const counted = json.quantities.active_energy.counted.reduce((sum: number, part: number) => sum + part, 0);
  expect(counted).toBeCloseTo(0.59, 6);
});

test('days of 23 and 25 hours are days', async () => {
  const from = Date.parse('2026-10-23T22:00Z');
  const { series } = await home(seconds(from, 4 * 96 + 4, 900_000), { intervalMs: 900_000, kept: true });
  const { json } = await series({ from: '2026-10-24', to: '2026-10-28', resolution: 'day' });
  const days = ['2026-10-23T22:00Z', '2026-10-24T22:00Z', '2026-10-25T23:00Z', '2026-10-26T23:00Z'];
  expect(json.timesMs).toEqual(days.map((day) => Date.parse(day)));
  expect(json).toMatchObject({ stepMs: null, from: '2026-10-23T22:00:00.000Z', to: '2026-10-27T23:00:00.000Z' });
});

test('a meter that was replaced by another model goes on under its name', async () => {
  const other = { ...HOUSE, model: 'we-517' };
  const { series } = await home([...seconds(NOON_MS, 90), ...seconds(NOON_MS + 90_000, 90, 1000, other)]);
  const raw = (await series({ from: NOON_MS, to: NOON_MS + 180_000 })).json;
  expect(raw.timesMs).toHaveLength(180);
  const { timesMs, quantities } = (await series({ from: NOON_MS, to: NOON_MS + 180_000, resolution: 'minute' })).json;
  expect(timesMs).toEqual([0, 1, 2].map((n) => NOON_MS + n * 60_000));
  const second = Array.from({ length: 60 }, (_, i) => power(NOON_MS + 60_000 + i * 1000));
  expect(quantities.active_power.mean[1]).toBeCloseTo(second.reduce((sum, one) => sum + one) / 60, 5);
  expect(quantities.active_power.max[1]).toBe(Math.max(...second));
});

test('where readings are kept no more, roll-ups stand for them', async () => {
  const { series, stateDir } = await home(seconds(NOON_MS, 3600), { kept: true });
  const db = (await import('../../../agent/journal/database.ts')).openForWriting(stateDir);
  db.exec(`DELETE FROM reading WHERE key < ${(NOON_MS + 1_800_000) * 1024}`);
  db.close();
  const older = (await series({ from: NOON_MS, to: NOON_MS + HOUR_MS })).json;
  expect(older).toMatchObject({ resolution: 'minute', stepMs: 60_000 });
  expect(older.timesMs).toHaveLength(60);
  const newer = (await series({ from: NOON_MS + 1_800_000, to: NOON_MS + HOUR_MS })).json;
  expect(newer).toMatchObject({ resolution: 'second' });
});

test('readings of other meters, and of the machine, are not taken along', async () => {
  const attic = { ...HOUSE, meter: 'attic' };
  const host = { measurement: 'host', meter: 'house', model: 'pi' };
  const others = readingsOf(host, NOON_MS + 500, 60, 1000, () => ({ active_power: 7 }));
  const all = [...seconds(NOON_MS, 60), ...seconds(NOON_MS + 5000, 60, 1000, attic), ...others];
  const { page, series } = await home(all);
  const span = { from: NOON_MS, to: NOON_MS + 120_000 };
  for (const resolution of ['second', 'minute']) {
    const { json } = await series({ ...span, resolution });
    expect(json.timesMs).toEqual(
      resolution === 'minute' ? [NOON_MS] : Array.from({ length: 60 }, (_, i) => NOON_MS + i * 1000),
    );
  }
  const { json } = await ask(page, `/api/v1/series${queryOf({ meter: 'attic', ...span })}`);
  expect([json.timesMs[0], json.timesMs.length]).toEqual([NOON_MS + 5000, 60]);
});

test('what is not committed yet is there, in its order', async () => {
  const stateDir = temporaryDirectory();
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  commit(stateDir, seconds(nowMs - 30_000, 20));
  const journal = open(stateDir);
  for (const reading of seconds(nowMs - 10_000, 10)) journal.append(reading, DECIMALS);
  const page = await startPage({ stateDir, runtimeDirectory: journal.runtime.path });
  const { json, headers } = await ask(page, `/api/v1/series${queryOf({ meter: 'house', from: nowMs - 30_000 })}`);
  expect(json.timesMs).toEqual(Array.from({ length: 30 }, (_, i) => nowMs - 30_000 + i * 1000));
  expect(headers.get('cache-control')).toBe('no-store');
  const { measurements } = (await ask(page, '/measurements/house/latest?limit=15')).json;
  const newest = Array.from({ length: 15 }, (_, i) => new Date(nowMs - 15_000 + i * 1000).toISOString());
  expect(measurements.map(({ time }: { time: string }) => time)).toEqual(newest);
  journal.close();
});

test.for([
  [{ from: NOON_MS, to: NOON_MS }, 'from'],
  [{ from: '2026-13-01' }, 'from'],
  [{ from: '1999-01-01' }, 'from'],
  [{ to: '2026-01-01' }, 'from'],
  [{ from: NOON_MS, to: NOON_MS + 7 * HOUR_MS, resolution: 'second' }, 'resolution'],
  [{ from: NOON_MS, to: NOON_MS + 100 * HOUR_MS, resolution: 'minute' }, 'resolution'],
  [{ from: NOON_MS, points: 5 }, 'points'],
  [{ from: NOON_MS, quantity: 'power' }, 'quantity'],
  [{ from: NOON_MS, quantites: 'active_power' }, 'quantites'],
  [{ from: [String(NOON_MS), '2026-01-01'] }, 'from'],
] as const)('%j is refused, by name', async ([parameters, parameter]) => {
  const { series } = await home(seconds(NOON_MS, 2));
  const { status, json } = await series(parameters);
  expect({ status, parameter: json.parameter }).toEqual({ status: 400, parameter });
});

test('a meter that there is not is told from one without readings', async () => {
  const { page, series } = await home([]);
  expect((await ask(page, `/api/v1/series${queryOf({ meter: 'attic', from: NOON_MS })}`)).status).toBe(404);
  expect((await ask(page, `/api/v1/series${queryOf({ from: NOON_MS })}`)).json.parameter).toBe('meter');
  const { json } = await series({ from: '2027-06-01', to: '2027-06-02' });
  expect(json.timesMs).toEqual([]);
});

test('what is over has a tag, and is not sent again while it stays so', async () => {
  const { page, stateDir } = await home(seconds(NOON_MS, 60));
  const path = `/api/v1/series${queryOf({ meter: 'house', from: NOON_MS, to: NOON_MS + 600_000 })}`;
  const { headers } = await ask(page, path);
  const etag = headers.get('etag') ?? '';
  expect(headers.get('cache-control')).toBe('private, no-cache');
  expect((await page.get(path, { headers: { 'if-none-match': etag } })).status).toBe(304);
  commit(stateDir, seconds(NOON_MS + 60_000, 1));
  expect((await page.get(path, { headers: { 'if-none-match': etag } })).status).toBe(200);
});
