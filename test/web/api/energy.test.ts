import { expect, test } from 'vitest';
import type { Reading } from '../../../agent/readings/reading.ts';
import { commit, keepUp, readingsOf } from '../../support/history.ts';
import { startPage } from '../../support/page.ts';
import { HOUSE } from '../../support/readings.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { ask, queryOf } from '../../support/web-api.ts';

const HOUR_MS = 3_600_000;
const QUARTER_MS = 900_000;
const METERS = [{ name: 'house', model: 'we-515', intervalMs: QUARTER_MS }];

/** A constant load of so many watts, read each quarter of an hour; the register tells what was counted. */
const steady = (fromMs: number, toMs: number, watts: number, startKwh = 1000): Reading[] =>
  readingsOf(HOUSE, fromMs, (toMs - fromMs) / QUARTER_MS, QUARTER_MS, (timeMs) => ({
    active_power: watts,
    active_energy: Math.round((startKwh + (watts * (timeMs - fromMs)) / 3.6e9) * 100) / 100,
  }));

async function home(readings: readonly Reading[]) {
  const stateDir = temporaryDirectory();
  commit(stateDir, readings);
  keepUp(stateDir, { timeZone: 'Europe/Rome' });
  const page = await startPage({ stateDir, meters: METERS, timeZone: 'Europe/Rome' });
  const asked = (path: string, more: Parameters<typeof queryOf>[0]) =>
    ask(page, `/api/v1/${path}${queryOf({ meter: 'house', ...more })}`);
  return { page, asked };
}

const rome = (local: string, offset: string) => Date.parse(`${local}${offset}`);

test.for([
  ['2026-03-29', '2026-03-30', rome('2026-03-28T00:00', '+01:00'), 23],
  ['2026-10-25', '2026-10-26', rome('2026-10-24T00:00', '+02:00'), 25],
] as const)('%s in Rome is a day of its own length, and of as many hours', async ([day, next, beforeMs, hours]) => {
  const { asked } = await home(steady(beforeMs, beforeMs + 72 * HOUR_MS, 1000));
  const days = (await asked('energy', { by: 'day', from: day, to: next })).json;
  expect(days.periods).toHaveLength(1);
  expect(days.periods[0]).toMatchObject({ label: day, hours, isRead: true });
  expect(days.periods[0].energies.active_energy).toEqual({ amount: hours, unit: 'kWh', estimated: 0, breaks: 0 });
  const all = (await asked('energy', { by: 'hour', from: day, to: next })).json;
  const labels = all.periods.map(({ label }: { label: string }) => label);
  expect(labels).toHaveLength(hours);
  expect(new Set(labels).size).toBe(hours);
  expect(labels[0]).toBe(`${day}T00:00${hours === 23 ? '+01:00' : '+02:00'}`);
  expect(labels.at(-1)).toBe(`${day}T23:00${hours === 23 ? '+02:00' : '+01:00'}`);
  expect(labels.filter((label: string) => label.includes('T02:00'))).toHaveLength(hours === 23 ? 0 : 2);
  expect(all.total.active_energy.amount).toBe(hours);
});

test('months and years are added up, and what was before the first reading is nothing', async () => {
  const fromMs = rome('2025-12-30T00:00', '+01:00');
  const { asked } = await home(steady(fromMs, fromMs + 4 * 24 * HOUR_MS + QUARTER_MS, 500));
  const months = (await asked('energy', { by: 'month', from: '2025-11-01', to: '2026-02-01' })).json;
  const amounts = months.periods.map((period: { label: string; isRead: boolean; energies: object }) => [
    period.label,
    period.isRead,
    period.energies,
  ]);
  const kwh = (amount: number) => ({ active_energy: { amount, unit: 'kWh', estimated: 0, breaks: 0 } });
  expect(amounts).toEqual([
    ['2025-11', false, kwh(0)],
    ['2025-12', true, kwh(24)],
    ['2026-01', true, kwh(24)],
  ]);
  expect(months.total).toEqual(kwh(48));
  const years = (await asked('energy', { by: 'year', from: '2025-06-01', to: '2026-06-01' })).json;
  expect(years.periods.map(({ label }: { label: string }) => label)).toEqual(['2025', '2026']);
  expect(years.periods.map(({ energies }: { energies: object }) => energies)).toEqual([kwh(24), kwh(24)]);
  expect(years).toMatchObject({ from: '2024-12-31T23:00:00.000Z', to: '2026-12-31T23:00:00.000Z' });
});

test('what was counted while nothing was read is said to be estimated', async () => {
  const fromMs = rome('2026-09-01T00:00', '+02:00');
  const readings = steady(fromMs, fromMs + 48 * HOUR_MS + QUARTER_MS, 1000);
  const { asked } = await home(
    readings.filter(({ timeMs }) => timeMs <= fromMs + 18 * HOUR_MS || timeMs >= fromMs + 30 * HOUR_MS),
  );
  const { json } = await asked('energy', { by: 'day', from: '2026-09-01', to: '2026-09-03' });
  const energies = json.periods.map((period: { energies: { active_energy: object } }) => period.energies.active_energy);
  expect(energies[0]).toMatchObject({ amount: 24, estimated: 6 });
  expect(energies[1]).toMatchObject({ amount: 24, estimated: 6 });
});

test('a range of the future has its periods, with nothing in them', async () => {
  const { asked } = await home(steady(rome('2026-09-01T00:00', '+02:00'), rome('2026-09-01T02:00', '+02:00'), 100));
  const { json, headers } = await asked('energy', { by: 'day', from: '2027-01-01', to: '2027-01-03' });
  expect(json.periods.map(({ isRead }: { isRead: boolean }) => isRead)).toEqual([false, false]);
  expect(headers.get('cache-control')).toBe('no-store');
});

test('base load and peak are quarters of an hour of days and months', async () => {
  const fromMs = rome('2026-10-24T00:00', '+02:00');
  const readings = steady(fromMs, fromMs + 49 * HOUR_MS, 300);
  const set = (timeMs: number, watts: number) => {
    const reading = readings.find((one) => one.timeMs === timeMs);
    if (reading) reading.values.active_power = watts;
  };
  set(rome('2026-10-24T03:15', '+02:00'), 90);
  set(rome('2026-10-24T19:30', '+02:00'), 4200);
  // The hour that comes twice.
  set(rome('2026-10-25T02:45', '+01:00'), 3000);
  const { asked } = await home(readings);
  const days = (await asked('load', { by: 'day', from: '2026-10-24', to: '2026-10-27' })).json;
  expect(days.periods.slice(0, 2)).toMatchObject([
    { label: '2026-10-24', baseW: 90, peakW: 4200, peakTime: '2026-10-24T17:30:00.000Z' },
    { label: '2026-10-25', baseW: 300, peakW: 3000, peakTime: '2026-10-25T01:45:00.000Z' },
  ]);
  expect(days.periods[2]).toMatchObject({ label: '2026-10-26', baseW: null, peakW: null, peakTime: null });
  const months = (await asked('load', { by: 'month', from: '2026-10-01', to: '2026-11-01' })).json;
  expect(months.periods).toMatchObject([{ label: '2026-10', baseW: 90, peakW: 4200 }]);
});

test('a year of days has the extremes of each, over both changes of the clock', async () => {
  const fromMs = rome('2026-01-01T00:00', '+01:00');
  const readings = readingsOf(HOUSE, fromMs, 360 * 4, 6 * HOUR_MS, (_, i) => ({ active_power: 1000 + i }));
  const { asked } = await home(readings);
  const { periods } = (await asked('load', { by: 'day', from: '2026-01-01', to: '2026-11-01' })).json;
  expect(periods).toHaveLength(304);
  for (const { from, to, baseW, peakW } of periods) {
    const own = readings.filter(({ timeMs }) => timeMs >= Date.parse(from) && timeMs < Date.parse(to));
    const powers = own.map(({ values }) => values.active_power);
    expect([baseW, peakW], from).toEqual([powers[0], powers.at(-1)]);
  }
});

test.for([
  ['energy', { by: 'hour', from: '2020-01-01', to: '2026-01-01' }, 'by'],
  ['energy', { by: 'quarter', from: '2026-01-01' }, 'by'],
  ['energy', { from: '2026-01-02', to: '2026-01-01' }, 'from'],
  ['energy', { to: '2026-01-01' }, 'from'],
  ['load', { by: 'year', from: '2026-01-01' }, 'by'],
  ['load', { by: 'month', from: '2020-01-01', to: '2026-01-01' }, 'from'],
] as const)('%s of %j is refused, by name', async ([path, parameters, parameter]) => {
  const { asked } = await home([]);
  const { status, json } = await asked(path, parameters);
  expect({ status, parameter: json.parameter }).toEqual({ status: 400, parameter });
});
