import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commit, keepUp, readingsOf } from '../../support/history.ts';
import { HOUSE as METER, startPage } from '../../support/page.ts';
import { HOUSE } from '../../support/readings.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { ask } from '../../support/web-api.ts';

const DAY_MS = 86_400_000;
const now = () => Math.floor(Date.now() / 1000) * 1000;
const seriesOf = (meter: string, model = 'we-515') => ({ measurement: 'energy', meter, model });
const at = (meter: string, timeMs: number, count = 5) =>
  readingsOf(seriesOf(meter), timeMs - (count - 1) * 1000, count, 1000, (_, i) => ({
    active_power: 100 + i,
    active_energy: 7.25,
  }));
const namesIn = (list: { name?: string; meter?: string }[]) => list.map(({ name, meter }) => name ?? meter);

test('a meter is told with its newest reading, and what can be asked of it', async () => {
  const stateDir = temporaryDirectory();
  const timeMs = now() - 60_000;
  commit(stateDir, at('house', timeMs));
  const page = await startPage({ stateDir, timeZone: 'Europe/Rome' });
  const { json, headers } = await ask(page, '/api/v1/meters');
  const quantities = [
    { name: 'active_power', label: 'active power', unit: 'W', kind: 'gauge' },
    { name: 'active_energy', label: 'active energy', unit: 'kWh', kind: 'counter' },
  ];
  const lastReading = new Date(timeMs).toISOString();
  const house = { name: 'house', model: 'we-515', intervalMs: 1000, lastReading, connected: null, quantities };
  expect(json).toEqual({ timeZone: 'Europe/Rome', meters: [house] });
  expect(headers.get('cache-control')).toBe('no-store');
  const latest = (await ask(page, '/api/v1/latest')).json;
  const values = { active_power: 104, active_energy: 7.25 };
  expect(latest).toEqual({ measurements: [{ meter: 'house', model: 'we-515', time: lastReading, values, gap: null }] });
  expect((await ask(page, '/measurements/latest')).json).toEqual(latest);
});

test('what is read at the moment comes first, and what is missing is said with its cause', async () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, at('house', now() - 60_000));
  const page = await startPage({ stateDir });
  const timeMs = now();
  page.feed.tell({
    series: HOUSE,
    outcome: { timeMs, held: false, reading: { series: HOUSE, timeMs, values: { active_power: 512 } } },
  });
  const [live] = (await ask(page, '/api/v1/latest')).json.measurements;
  expect(live).toMatchObject({ time: new Date(timeMs).toISOString(), values: { active_power: 512 }, gap: null });
  const message = 'house did not answer';
  page.feed.tell({ series: HOUSE, outcome: { timeMs: timeMs + 3000, held: false, cause: 'timeout', message } });
  const [silent] = (await ask(page, '/api/v1/latest')).json.measurements;
  expect(silent.values.active_power).toBe(104);
  expect(silent.gap).toEqual({ since: new Date(timeMs - 59_000).toISOString(), cause: 'timeout', message });
});

test('the status of a running collector tells whether a meter is connected, and its newest reading', async () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, []);
  const timeMs = now();
  const lastReading = { timeMs, values: { active_power: 77 } };
  const house = { name: 'house', model: 'we-515', connected: false, lastReading };
  writeFileSync(
    join(stateDir, 'status.json'),
    JSON.stringify({ pid: process.pid, updatedMs: Date.now(), meters: [house] }),
  );
  const page = await startPage({ stateDir });
  const { json } = await ask(page, '/api/v1/meters');
  expect(json.meters).toMatchObject([{ connected: false, lastReading: new Date(timeMs).toISOString() }]);
  expect((await ask(page, '/api/v1/latest')).json.measurements).toMatchObject([{ values: { active_power: 77 } }]);
});

test('a meter that has been silent for long is hidden, unless all are asked for', async () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, [...at('attic', now() - 40 * DAY_MS), ...at('cellar', now() - 20 * DAY_MS), ...at('house', now())]);
  keepUp(stateDir);
  const page = await startPage({ stateDir, meters: [METER, { ...METER, name: 'new' }] });
  expect(namesIn((await ask(page, '/api/v1/meters')).json.meters)).toEqual(['house', 'new', 'cellar']);
  const all = ['house', 'new', 'attic', 'cellar'];
  expect(namesIn((await ask(page, '/api/v1/meters?all=true')).json.meters)).toEqual(all);
  expect(namesIn((await ask(page, '/measurements/latest?all=true')).json.measurements)).toEqual(all);
  expect(namesIn((await ask(page, '/measurements/latest?all=false')).json.measurements)).toHaveLength(3);
  const week = await startPage({ stateDir, web: { hideAfter: 7 * DAY_MS } });
  expect(namesIn((await ask(week, '/api/v1/latest')).json.measurements)).toEqual(['house']);
});

test('a reading of days to come, of a clock that was ahead, hides nothing', async () => {
  const stateDir = temporaryDirectory();
  const timeMs = now() - 5000;
  commit(stateDir, [...at('house', timeMs), ...at('house', now() + 3 * DAY_MS)]);
  const page = await startPage({ stateDir });
  expect((await ask(page, '/api/v1/latest')).json.measurements[0].time).toBe(new Date(timeMs).toISOString());
});

test('the newest reading of a meter of which none is kept any more is known from its roll-ups', async () => {
  const stateDir = temporaryDirectory();
  const timeMs = now() - DAY_MS;
  commit(stateDir, at('house', timeMs));
  keepUp(stateDir);
  const db = (await import('../../../agent/journal/database.ts')).openForWriting(stateDir);
  db.exec('DELETE FROM reading');
  db.close();
  const page = await startPage({ stateDir, meters: [] });
  const [house] = (await ask(page, '/api/v1/latest')).json.measurements;
  const values = { active_power: 104, active_energy: 7.25 };
  expect(house).toMatchObject({ meter: 'house', time: new Date(timeMs).toISOString(), values });
  expect((await ask(page, '/measurements/house/latest')).json.measurements).toEqual([]);
});

test('the newest readings of a meter come oldest first, of its models, and no more than asked for', async () => {
  const stateDir = temporaryDirectory();
  const timeMs = now() - 60_000;
  const before = readingsOf(seriesOf('a/b', 'we-514'), timeMs - 10_000, 10, 1000, (_, i) => ({ active_power: i }));
  commit(stateDir, [...before, ...at('a/b', timeMs + 4000), ...at('house', timeMs)]);
  const page = await startPage({ stateDir });
  const { json } = await ask(page, '/measurements/a%2Fb/latest?limit=7');
  expect(json).toMatchObject({ meter: 'a/b', model: 'we-515' });
  const powers = json.measurements.map(({ values }: { values: { active_power: number } }) => values.active_power);
  expect(powers).toEqual([8, 9, 100, 101, 102, 103, 104]);
  expect((await ask(page, '/measurements/a%2Fb/latest')).json.measurements).toHaveLength(15);
  expect((await ask(page, '/measurements/a%2Fb/latest?limit=1441')).json.parameter).toBe('limit');
  expect((await ask(page, '/measurements/nobody/latest')).status).toBe(404);
});
