import { expect, test } from 'vitest';
import { toLine } from '../../../agent/influxdb/line-protocol.ts';
import { Workplace } from '../../bench/workplace.ts';
import { requireInfluxd } from '../../support/influxd.ts';
import { dashboard, PAGE, type Page, queryOf } from './asking.ts';
import { line, serverOf } from './small-world.ts';
import { DAY_MS, HOUR_MS, type Line, MINUTE_MS, QUARTER_MS, STOP_MS } from './world.ts';

const pageOf = (meter: string, toMs = STOP_MS): Page => ({
  ...PAGE,
  fromMs: toMs - DAY_MS,
  toMs,
  variables: { ...PAGE.variables, meter },
});

test('the choice of meters begins with one that is read, also before there is a roll-up', async (context) => {
  requireInfluxd(context);
  using workplace = new Workplace();
  // What is chosen from has no page: it is of now.
  const nowMs = Date.now();
  const answers = await serverOf(workplace, undefined, [
    line('energy_15m', 'attic', nowMs - 90 * DAY_MS, { count: 900 }),
    line('energy_15m', 'house', nowMs - 90 * DAY_MS, { count: 900 }),
    line('energy', 'house', nowMs - MINUTE_MS, { active_power: 100 }),
    line('energy', 'pump', nowMs - MINUTE_MS, { active_power: 100 }),
  ]);
  const query = dashboard('home').templating.list.find(({ name }) => name === 'meter')?.query as string;
  const rows = await answers.ask('meters', query);
  expect(rows.map((row) => row._value)).toEqual(['house', 'pump', 'attic']);
});

/** Registers that count 1 kWh an hour, all of it in tariff 2, read in windows outside of a span. */
function* steady(bucket: Line['bucket'], everyMs: number, fromMs: number, outage: readonly [number, number]) {
  for (let timeMs = fromMs; timeMs < STOP_MS; timeMs += everyMs) {
    if (timeMs >= outage[0] && timeMs < outage[1]) continue;
    const kwh = (timeMs + everyMs - fromMs) / HOUR_MS;
    yield line(bucket, 'house', timeMs, { active_energy: 100 + kwh, active_energy_t2: 50 + kwh });
  }
}

test('an outage longer than a week across the first of the month is counted alike by all panels', async () => {
  using workplace = new Workplace();
  const outage = [STOP_MS - 12 * DAY_MS, STOP_MS - HOUR_MS] as const;
  const answers = await serverOf(workplace, 'small-worlds', [
    ...steady('energy_15m', QUARTER_MS, STOP_MS - 40 * DAY_MS, outage),
  ]);
  const home = dashboard('home');
  const page = pageOf('house');
  const row = async (title: string) => (await answers.ask(`outage: ${title}`, queryOf(home, title), page))[0];
  // 3 April, 19:30 in Rome.
  const hours = 2 * 24 + 19.5;
  expect(Number((await row('This month'))?.now)).toBeCloseTo(hours, 6);
  expect(Number((await row('Tariffs this month'))?.T2)).toBeCloseTo(hours, 6);
  expect(Number((await row('Cost this month'))?.cost)).toBeCloseTo(0.25 * hours, 6);
  const cost = async (price: string) => {
    const typed = { ...page, variables: { ...page.variables, price } };
    return (await answers.ask(`outage: cost at ${price}`, queryOf(home, 'Cost this month'), typed))[0]?.cost;
  };
  expect(Number(await cost('0,25 '))).toBeCloseTo(0.25 * hours, 6);
  expect(await cost('')).toBeUndefined();
});

test('yesterday is whole after an outage of two days that ended in it', async () => {
  using workplace = new Workplace();
  const outage = [STOP_MS - 3.5 * DAY_MS, STOP_MS - 26 * HOUR_MS] as const;
  const answers = await serverOf(workplace, 'small-worlds', [
    ...steady('energy_1m', MINUTE_MS, STOP_MS - 4 * DAY_MS, outage),
  ]);
  const [row] = await answers.ask('yesterday: Today', queryOf(dashboard('home'), 'Today'), pageOf('house'));
  expect(Number(row?.now)).toBeCloseTo(19.5, 6);
  expect(Number(row?.before)).toBeCloseTo(19.5, 6);
});

test('each phase has its own curve of 10-minute means, in the order of time', async () => {
  using workplace = new Workplace();
  const values = { voltage_l1: 231, voltage_l2: 232, voltage_l3: 233 };
  const minutes = Array.from({ length: 30 }, (_, n) =>
    line('energy_1m', 'three', STOP_MS - (n + 1) * MINUTE_MS, values),
  );
  const answers = await serverOf(workplace, 'small-worlds', minutes);
  const title = '10-minute means of the voltage';
  const rows = await answers.ask(`phases: ${title}`, queryOf(dashboard('quality'), title), pageOf('three'));
  expect(rows.map((row) => Date.parse(row._time ?? ''))).toEqual([30, 20, 10].map((n) => STOP_MS - n * MINUTE_MS));
  for (const row of rows) expect(row).toMatchObject({ voltage_l1: '231', voltage_l2: '232', voltage_l3: '233' });
});

test('a range that ends later than now, such as Grafana’s This month, tells of now', async (context) => {
  requireInfluxd(context);
  using workplace = new Workplace();
  const minuteMs = Date.now() - (Date.now() % MINUTE_MS);
  const minutes = Array.from({ length: 60 }, (_, n) => minuteMs - (n + 1) * MINUTE_MS);
  const backup = { series: { measurement: 'backup', meter: 'raspberrypi', model: 'usb' }, values: { ok: 1 } };
  const answers = await serverOf(workplace, undefined, [
    line('energy', 'house', minuteMs - 5000, { active_power: 321, duration: 0.1 }),
    ...minutes.map((timeMs) => line('energy_1m', 'house', timeMs, { voltage: 230, count: 60 })),
    { bucket: 'host', text: toLine({ ...backup, timeMs: minuteMs - HOUR_MS }) },
  ]);
  const page = { ...pageOf('house', minuteMs + 20 * DAY_MS), fromMs: minuteMs - 10 * DAY_MS };
  const row = async (name: string, title: string) =>
    (await answers.ask(title, queryOf(dashboard(name), title), page))[0];
  expect((await row('home', 'Power now'))?.power).toBe('321');
  expect((await row('quality', 'Voltage within ±10 %'))?.share).toBe('100');
  expect(Number((await row('machine', 'Newest reading'))?.house)).toBeLessThan(300);
  const age = Number((await row('machine', 'Age of the last whole backup'))?.usb);
  expect(age).toBeGreaterThanOrEqual(3600);
  expect(age).toBeLessThan(3900);
});

test('a gap that goes on is told as well', async () => {
  using workplace = new Workplace();
  const silentMs = STOP_MS - 2 * HOUR_MS;
  const minutes = Array.from({ length: 5 }, (_, n) => silentMs - (n + 1) * MINUTE_MS);
  const answers = await serverOf(
    workplace,
    'small-worlds',
    minutes.map((timeMs) => line('energy_1m', 'house', timeMs, { count: 60 })),
  );
  const rows = await answers.ask('going on: Gaps', queryOf(dashboard('quality'), 'Gaps'), pageOf('house'));
  expect(rows.map((row) => [Date.parse(row._time ?? ''), row.minutes])).toEqual([[silentMs, '117']]);
  expect(
    await answers.ask('going on, of another meter: Gaps', queryOf(dashboard('quality'), 'Gaps'), pageOf('garage')),
  ).toEqual([]);
});

test('a meter that is read each quarter of an hour has a gap where a quarter is missing', async () => {
  using workplace = new Workplace();
  const missing = [8, 9, 10, 30];
  const quarters = Array.from({ length: 60 }, (_, n) => n + 1).filter((n) => !missing.includes(n));
  const answers = await serverOf(
    workplace,
    'small-worlds',
    quarters.map((n) => line('energy_1m', 'garden', STOP_MS - n * QUARTER_MS, { count: 1 })),
  );
  const rows = await answers.ask('quarters: Gaps', queryOf(dashboard('quality'), 'Gaps'), pageOf('garden'));
  expect(rows.map((row) => [Date.parse(row._time ?? ''), row.minutes])).toEqual([
    [STOP_MS - 10 * QUARTER_MS, '45'],
    [STOP_MS - 30 * QUARTER_MS, '15'],
  ]);
});
