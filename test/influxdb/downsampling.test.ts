import { expect, test } from 'vitest';
import { requireInfluxd } from '../support/influxd.ts';
import { BASE, DAY_MS, every, GARAGE, HOUR_MS, HOUSE, Home, MINUTE_MS, reading, runSchedule } from './rollup-home.ts';

test('the latest windows: means, least and most of gauges, last of counters, samples, for each meter', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  await home.write(every(BASE, BASE + 30 * MINUTE_MS, 1000));
  await home.write(every(BASE, BASE + 30 * MINUTE_MS, 10_000, GARAGE));
  await runSchedule(home, BASE + MINUTE_MS, BASE + 30 * MINUTE_MS);
  await home.expectRolledUp(BASE, BASE + 30 * MINUTE_MS);
});

test('no reading yet: every task succeeds, and writes nothing', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  for (const name of ['energy_1m', 'energy_15m', 'energy late', 'energy old', 'energy mend'])
    await home.run(name, BASE);
  await home.expectRolledUp(0, BASE);
});

test('readings that come late, by minutes or days, are in the roll-ups', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + 2 * DAY_MS + 2 * MINUTE_MS;
  // Two days of which the middle is missing.
  await home.write(every(BASE, BASE + 6 * HOUR_MS, 10_000));
  await home.write(every(now - 2 * HOUR_MS, now, 10_000));
  await home.heal(now, 2);
  await home.expectRolledUp(0, BASE + 2 * DAY_MS);

  await home.write(every(BASE + 6 * HOUR_MS, now - 2 * HOUR_MS, 10_000));
  await home.heal(now, 3);
  await home.expectRolledUp(0, BASE + 2 * DAY_MS);

  // A single reading between others, and one after all first passes of its hour.
  await home.write([reading(BASE + 5 * HOUR_MS + 5000), reading(now - 20 * MINUTE_MS + 3000)]);
  await home.heal(now, 2);
  await home.expectRolledUp(0, BASE + 2 * DAY_MS);
});

test('a week of two meters that arrives late is right after a run for each day', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const begin = BASE - (BASE % DAY_MS);
  const now = begin + 8 * DAY_MS;
  const [leaves, returns] = [begin + 10 * HOUR_MS, begin + 7.5 * DAY_MS];
  for (const series of [HOUSE, GARAGE]) {
    await home.write([...every(begin, leaves, 5 * MINUTE_MS, series), ...every(returns, now, 5 * MINUTE_MS, series)]);
  }
  await home.heal(now, 4);
  await home.expectRolledUp(begin, now);

  for (const series of [HOUSE, GARAGE]) await home.write(every(leaves, returns, 5 * MINUTE_MS, series));
  await home.run('energy late', now);
  // Runs of the even kind take all meters of a day.
  for (let day = 0; day < 8; day++) await home.mend(now + day * 10 * MINUTE_MS);
  await home.expectRolledUp(begin, now);
});

test('years ago: the other task finds it, a slice of the history each hour', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + 8 * DAY_MS;
  const begin = now - 80 * DAY_MS;
  const years = [
    ...every(begin, begin + DAY_MS, 5 * MINUTE_MS),
    ...every(begin + 40 * DAY_MS, begin + 41 * DAY_MS, 60_000),
  ];
  await home.write(years);
  await home.heal(now);
  expect(await home.windows('energy_1m')).toEqual(new Map());
  // 73 days are older than a week: three slices.
  for (let hour = 0; hour < 3; hour++) await home.run('energy old', now + hour * HOUR_MS);
  await home.mend(now, 8);
  await home.expectRolledUp(0, now);
});

test('a server that was off: readings of meanwhile and missed runs are made good', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  await home.write(every(BASE, BASE + 30 * MINUTE_MS, 5000));
  await runSchedule(home, BASE + 5 * MINUTE_MS, BASE + 30 * MINUTE_MS);
  await home.killAndStart();
  await home.write(every(BASE + 30 * MINUTE_MS, BASE + 4 * HOUR_MS, 5000));
  await home.run('energy_1m', BASE + 4 * HOUR_MS);
  await home.heal(BASE + 4 * HOUR_MS);
  await home.expectRolledUp(BASE, BASE + 4 * HOUR_MS);
});
