import { expect, test, vi } from 'vitest';
import type { Reading } from '../../agent/readings/reading.ts';
import { api } from '../support/influx-setup.ts';
import { influxPoints, requireInfluxd } from '../support/influxd.ts';
import { BASE, DAY_MS, every, HOUR_MS, Home, MINUTE_MS, reading } from './rollup-home.ts';

test('nothing differs: nothing is written; lost roll-ups of one kind alone are found', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + DAY_MS;
  await home.write(every(BASE, now, 30_000));
  await home.heal(now, 3);
  // Somebody's own point shows whether its window was computed again.
  const mark = { ...reading(BASE + HOUR_MS), values: { voltage: 1 } };
  await home.write([mark], 'energy_1m');
  await home.heal(now, 3);
  expect((await influxPoints(home.access, 'energy_1m')).get(`energy_voltage house ${BASE + HOUR_MS}`)).toBe(1);

  const span = { start: new Date(BASE + HOUR_MS).toISOString(), stop: new Date(BASE + 2 * HOUR_MS - 1).toISOString() };
  for (const bucket of ['energy_1m', 'energy_15m']) {
    await api(home.access, 'POST', `/api/v2/delete?org=home&bucket=${bucket}`, span);
    await home.heal(now);
    await home.expectRolledUp(BASE, now);
  }
});

const only =
  (...names: string[]) =>
  (one: Reading): Reading => ({
    ...one,
    values: Object.fromEntries(Object.entries(one.values).filter(([name]) => names.includes(name))),
  });

test('any quantity makes a reading, and one that is added later to readings reaches the roll-ups', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + 4 * HOUR_MS;
  await home.write(every(BASE, BASE + HOUR_MS, 10_000).map(only('active_power')));
  await home.write(every(BASE + HOUR_MS, BASE + 2 * HOUR_MS, 10_000).map(only('active_energy')));
  await home.write(every(BASE + 2 * HOUR_MS, now, 10_000).map(only('voltage', 'duration')));
  await home.heal(now);
  await home.expectRolledUp(BASE, now);

  await home.write(
    [reading(BASE + 10_000), reading(BASE + HOUR_MS + 10_000)].map(only('active_power', 'active_energy')),
  );
  await home.write([{ ...reading(BASE + 5000), values: { active_power: 7 } }]);
  await home.heal(now);
  await home.expectRolledUp(BASE, now);

  // The same readings, completed.
  await home.write(every(BASE + 2 * HOUR_MS, now, 10_000));
  await home.heal(now);
  await home.expectRolledUp(BASE, now);
});

test('readings that are written while their hour is computed are not taken for computed', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + HOUR_MS;
  await home.write(every(BASE, now, 60_000));
  // A run that met a backlog: it counted all readings, after it had computed the means of a part.
  await home.write(every(BASE, now, 10_000));
  const met = every(BASE, now, 60_000).map((one) => ({ ...one, values: { voltage: 1, count: 6 } }));
  await home.write(met, 'energy_1m');
  await home.run('energy late', now);

  await home.write([{ ...reading(BASE + 5000), values: { voltage: 400 } }]);
  await home.mend(now);
  const notes = await influxPoints(home.access, 'energy_1m');
  expect(notes.get(`energy_hour_done house ${BASE}`)).toBe(360 * 5);
  await home.run('energy late', now);
  expect((await influxPoints(home.access, 'energy_1m')).get(`energy_hour_values house ${BASE}`)).toBe(360 * 5 + 1);
  await home.mend(now);
  await home.expectRolledUp(BASE, now);
});

test('roll-ups outlive raw readings that are gone', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + 3 * HOUR_MS;
  await home.write(every(BASE, now, 10_000));
  await home.heal(now);
  const gone = { start: new Date(BASE).toISOString(), stop: new Date(BASE + HOUR_MS - 1).toISOString() };
  await api(home.access, 'POST', '/api/v2/delete?org=home&bucket=energy', gone);
  await home.write([reading(now - HOUR_MS + 1000)]);
  await home.heal(now);
  await home.expectRolledUp(BASE, now);
});

/** Retention of a bucket, as a person changes it. */
async function keepFor(home: Home, name: string, everySeconds: number): Promise<void> {
  const { body } = await api<{ buckets: { id: string }[] }>(
    home.access,
    'GET',
    `/api/v2/buckets?org=home&name=${name}`,
  );
  const retentionRules = [{ type: 'expire', everySeconds, shardGroupDurationSeconds: 86_400 }];
  const { status } = await api(home.access, 'PATCH', `/api/v2/buckets/${body.buckets[0]?.id}`, { retentionRules });
  expect(status).toBe(200);
}

test('a bucket that keeps less, also from after the setup on, limits itself alone', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  await keepFor(home, 'energy_1m', 2 * 86_400);
  // Now, because the server itself refuses what is too old. A run of the future would wait for its time.
  const now = Math.floor(Date.now() / (10 * MINUTE_MS) - 1) * 10 * MINUTE_MS;
  const until = Math.floor(now / HOUR_MS) * HOUR_MS;
  await home.write(every(until - 4 * DAY_MS, until, 5 * MINUTE_MS));
  await home.run('energy late', now);
  for (let day = 0; day < 6; day++) await home.mend(now);
  const timesOf = async (bucket: string) =>
    [...(await home.windows(bucket)).keys()]
      .filter((key) => key.startsWith('energy_count '))
      .map((key) => Number(key.split(' ').at(-1)))
      .sort((a, b) => a - b);
  expect(await timesOf('energy_15m')).toHaveLength(4 * 96);
  expect((await timesOf('energy_1m'))[0]).toBe(until - 2 * DAY_MS + 2 * HOUR_MS);
  expect(await timesOf('energy_1m')).toHaveLength(46 * 12);
});

test('text, truth and integers of others stop nothing', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + 2 * HOUR_MS;
  await home.write(every(BASE, now, 60_000).map(only('active_power', 'active_energy')));
  const foreign = every(BASE, now, 60_000).map(
    ({ timeMs }, i) => `energy,meter=house,model=we-515 note="x",on=true,voltage=${230 + (i % 5)}i ${timeMs}`,
  );
  const path = '/api/v2/write?org=home&bucket=energy&precision=ms';
  expect((await api(home.access, 'POST', path, foreign.join('\n'))).status).toBe(204);
  await home.run('energy_1m', now);
  await home.heal(now);
  for (const [key, one] of home.readings) {
    const voltage = 230 + (((one.timeMs - BASE) / 60_000) % 5);
    home.readings.set(key, { ...one, values: { ...one.values, voltage } });
  }
  await home.expectRolledUp(BASE, now);
});

test('a day that cannot be computed holds up neither older nor newer ones', async (context) => {
  requireInfluxd(context);
  vi.stubEnv('INFLUXD_QUERY_MEMORY_BYTES', String(6 << 20));
  const home = await Home.start();
  const begin = BASE - (BASE % DAY_MS);
  const now = begin + 5 * DAY_MS;
  await home.write(every(begin, now, 5 * MINUTE_MS));
  // More quantities in one day than a query has memory for.
  const wide = Array.from({ length: 100 }, (_, i) => `quantity_${i}=1`).join(',');
  const tooMuch = every(begin + 2 * DAY_MS, begin + 3 * DAY_MS, MINUTE_MS).map(
    ({ timeMs }) => `energy,meter=wide,model=x ${wide} ${timeMs}`,
  );
  const path = '/api/v2/write?org=home&bucket=energy&precision=ms';
  expect((await api(home.access, 'POST', path, tooMuch.join('\n'))).status).toBe(204);
  await home.run('energy late', now);
  let failed = 0;
  for (let run = 0; run < 16; run++) {
    await home.mend(now + run * 5 * MINUTE_MS).catch((error: Error) => {
      expect(error.message).toContain('memory');
      failed++;
    });
  }
  expect(failed).toBeGreaterThan(0);
  await home.expectRolledUp(begin, now);
});
