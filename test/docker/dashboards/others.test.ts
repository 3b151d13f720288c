import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AGENT } from '../../../agent/collector/agent-names.ts';
import { HOST } from '../../../agent/host/names.ts';
import { ALERTS } from '../../../docker/dashboards/alerts.ts';
import { LIMITS } from '../../../docker/dashboards/quality-queries.ts';
import { Workplace } from '../../bench/workplace.ts';
import { type DashboardFile, dashboard, PAGE, type Page, queryOf, type Rows } from './asking.ts';
import { ANSWERED_BY, type Filled, filledServer } from './filled-server.ts';
import { dayAfter, startOfDay } from './ledger.ts';
import { AZURE_FAILS_FROM_MS, BOOT_MS, MachineWorld, RESTART_MS, RESTARTS_FIELD } from './machine-world.ts';
import type { Window } from './window.ts';
import { DAY_MS, GAPS, HOUR_MS, METER, MINUTE_MS, STOP_MS } from './world.ts';

const QUALITY = dashboard('quality');
const MACHINE = dashboard('machine');
const TIMEOUTS = `${AGENT.gaps}timeout`;
const workplace = new Workplace();
const machine = new MachineWorld(12);
let filled: Filled;

const asker =
  (name: string, file: DashboardFile) =>
  (title: string, page: Page = PAGE, as = title) =>
    filled.answers.ask(`${name}: ${as}`, queryOf(file, title), page);
const askQuality = asker('quality', QUALITY);
const askMachine = asker('machine', MACHINE);
const number = (row: Rows[number] | undefined, column: string) => Number(row?.[column] || Number.NaN);
const timeOf = (row: Rows[number] | undefined, column = '_time') => Date.parse(row?.[column] ?? '');
/** Ten minutes a step: some thousand rows would say no more. */
const TEN_MINUTES: Page = { ...PAGE, intervalMs: 10 * MINUTE_MS };

function minutesBetween(fromMs: number, toMs: number): [timeMs: number, minute: Window][] {
  return [...filled.world.ledger.minutes].filter(([at]) => at >= fromMs && at < toMs);
}
const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Means of minutes, by ten minutes of the clock. */
function tenMinuteMeans(fromMs: number, toMs: number): Map<number, number> {
  const windows = new Map<number, number[]>();
  for (const [at, minute] of minutesBetween(fromMs, toMs)) {
    const window = at - (at % (10 * MINUTE_MS));
    windows.set(window, [...(windows.get(window) ?? []), minute.mean('voltage')]);
  }
  return new Map([...windows].map(([at, means]) => [at, meanOf(means)]));
}

beforeAll(async () => {
  const lines = [...machine.lines()];
  filled = await filledServer(workplace, 'others', { rawMs: 7 * HOUR_MS, minutesMs: 11 * DAY_MS }, lines);
}, 240_000);
afterAll(() => workplace[Symbol.dispose]());

describe(`Power quality, by ${ANSWERED_BY}`, () => {
  const week: Page = { ...PAGE, fromMs: STOP_MS - 7 * DAY_MS, intervalMs: HOUR_MS };

  test('the share of 10-minute means within 10 %, and the lowest and highest of them', async () => {
    const means = [...tenMinuteMeans(week.fromMs, STOP_MS).values()];
    const within = means.filter((mean) => mean >= LIMITS.voltage.low && mean <= LIMITS.voltage.high);
    expect(within.length).toBeLessThan(means.length);
    const [share] = await askQuality('Voltage within ±10 %', week);
    expect(number(share, 'share')).toBeCloseTo((100 * within.length) / means.length, 6);
    const [extremes] = await askQuality('Lowest and highest 10-minute mean', week);
    expect(number(extremes, 'lowest')).toBeCloseTo(Math.min(...means), 6);
    expect(number(extremes, 'highest')).toBeCloseTo(Math.max(...means), 6);
  });

  test('each 10-minute mean', async () => {
    const rows = await askQuality('10-minute means of the voltage');
    const truth = tenMinuteMeans(PAGE.fromMs, STOP_MS);
    expect(rows.map((row) => timeOf(row))).toEqual([...truth.keys()]);
    for (const row of rows) expect(number(row, 'voltage')).toBeCloseTo(truth.get(timeOf(row)) ?? Number.NaN, 6);
  });

  test('the share of minutes whose frequency kept its limits', async () => {
    const [row] = await askQuality('Frequency within ±1 %', week);
    expect(number(row, 'share')).toBe(100);
  });

  test('voltage, frequency, powers, power factor and current of each step', async () => {
    const inStep = (at: number) => minutesBetween(at, at + 10 * MINUTE_MS).map(([, minute]) => minute);
    const check = async (title: string, result: string, column: string, truth: (step: Window[]) => number) => {
      const rows = (await askQuality(title, TEN_MINUTES)).filter((row) => row.result === result && row[column]);
      expect(rows.length, title).toBeGreaterThan(130);
      for (const row of rows) expect(number(row, column), title).toBeCloseTo(truth(inStep(timeOf(row))), 6);
    };
    const mean = (name: string) => (step: Window[]) => meanOf(step.map((minute) => minute.mean(name)));
    const least = (name: string) => (step: Window[]) => Math.min(...step.map((minute) => minute.least(name)));
    const most = (name: string) => (step: Window[]) => Math.max(...step.map((minute) => minute.most(name)));
    await check('Voltage', 'mean', 'voltage', mean('voltage'));
    await check('Voltage', 'least', 'voltage_min', least('voltage'));
    await check('Voltage', 'most', 'voltage_max', most('voltage'));
    await check('Frequency', 'mean', 'mean', mean('frequency'));
    await check('Frequency', 'least', 'least', least('frequency'));
    await check('Frequency', 'most', 'most', most('frequency'));
    await check('Active, reactive and apparent power', 'P', 'P', mean('active_power'));
    await check('Active, reactive and apparent power', 'Q', 'Q', mean('reactive_power'));
    await check('Active, reactive and apparent power', 'S', 'S', mean('apparent_power'));
    await check('Power factor', '_result', 'power_factor', mean('power_factor'));
    await check('Current', '_result', 'current_max', most('current'));
  });

  test('least and most of raw readings bear the same names', async () => {
    const page = { ...PAGE, fromMs: STOP_MS - HOUR_MS, intervalMs: 45_000 };
    const rows = await askQuality('Voltage', page, 'Voltage, raw');
    const minutes = minutesBetween(page.fromMs, STOP_MS).map(([, minute]) => minute);
    const column = (name: string) => rows.filter((row) => row[name]).map((row) => number(row, name));
    expect(Math.min(...column('voltage_min'))).toBe(Math.min(...minutes.map((minute) => minute.least('voltage'))));
    expect(Math.max(...column('voltage_max'))).toBe(Math.max(...minutes.map((minute) => minute.most('voltage'))));
    expect(column('voltage')).toHaveLength(80);
  });

  test('the readings of a minute, and none in a gap', async () => {
    const rows = await askQuality('Readings per minute', TEN_MINUTES);
    for (const row of rows.filter((one) => one.readings)) {
      const counts = minutesBetween(timeOf(row), timeOf(row) + 10 * MINUTE_MS).map(([, minute]) => minute.count);
      expect(number(row, 'readings')).toBe(Math.min(...counts));
    }
    const [from = 0] = GAPS.at(-1) ?? [];
    const step = from + 5 * MINUTE_MS;
    expect(rows.filter((row) => timeOf(row) === step && row.readings)).toEqual([]);
  });

  test('gaps with their begin, end and length, in the list and over the curves', async () => {
    const recent = GAPS.filter(([from]) => from >= week.fromMs);
    expect(recent.length).toBeGreaterThan(1);
    const rows = await askQuality('Gaps', week);
    expect(rows.map((row) => [timeOf(row), timeOf(row, 'until'), number(row, 'minutes')])).toEqual(
      recent.map(([from, to]) => [from, to, (to - from) / MINUTE_MS]).reverse(),
    );
    const spans = QUALITY.annotations.list?.find(({ name }) => name === 'Gaps')?.target?.query ?? '';
    const annotations = await filled.answers.ask('annotation: gaps', spans, week);
    expect(annotations.map((row) => [timeOf(row, 'time'), timeOf(row, 'timeEnd'), row.text])).toEqual(
      recent.map(([from, to]) => [from, to, `no reading for ${(to - from) / MINUTE_MS} min`]).reverse(),
    );
  });
});

describe(`Agent and Pi, by ${ANSWERED_BY}`, () => {
  test('the age of the newest reading', async () => {
    const [row] = await askMachine('Newest reading');
    expect(number(row, METER)).toBe(1);
  });

  test('each store’s age of its last whole backup: one that failed is none', async () => {
    const [row] = await askMachine('Age of the last whole backup');
    const last = (before: number) => Math.floor((before - 1 - 7 * MINUTE_MS) / HOUR_MS) * HOUR_MS + 7 * MINUTE_MS;
    expect(number(row, 'usb')).toBe((STOP_MS - last(STOP_MS)) / 1000);
    expect(number(row, 'azure')).toBe((STOP_MS - last(AZURE_FAILS_FROM_MS)) / 1000);
  });

  test('sizes of the backups', async () => {
    const rows = await askMachine('Size of the backups', { ...PAGE, intervalMs: HOUR_MS });
    expect(rows).toHaveLength(24);
    for (const row of rows) expect([number(row, 'usb total_bytes'), number(row, 'usb sent_bytes')]).toEqual([1e9, 1e6]);
  });

  test('restarts of the collector are counted, those of the machine are not', async () => {
    const page = { ...PAGE, fromMs: STOP_MS - 7 * DAY_MS, intervalMs: HOUR_MS };
    const [row] = await askMachine('Restarts', page);
    expect(number(row, RESTARTS_FIELD)).toBe(1);
  });

  test('starts of machine and collector over the curves, whatever a pixel is wide', async () => {
    const query = MACHINE.annotations.list?.find(({ name }) => name === 'Restarts')?.target?.query ?? '';
    for (const [name, intervalMs] of [
      ['5 min', 5 * MINUTE_MS],
      ['2 h', 2 * HOUR_MS],
    ] as const) {
      const page = { ...PAGE, fromMs: STOP_MS - 7 * DAY_MS, intervalMs };
      const rows = await filled.answers.ask(`annotation: restarts, ${name}`, query, page);
      const step = (at: number) => at - (at % intervalMs);
      expect(rows.map((row) => [timeOf(row, 'time'), row.text]).sort(), name).toEqual([
        [step(BOOT_MS), 'raspberrypi has started'],
        [step(BOOT_MS), 'raspberrypi: the collector has started'],
        [step(RESTART_MS), 'raspberrypi: the collector has started'],
      ]);
    }
  });

  test('processor, memory, disk and flags of each step', async () => {
    const inStep = (at: number, name: string) =>
      [...machine.minutes]
        .filter(([time]) => time >= at && time < at + 10 * MINUTE_MS)
        .map(([, values]) => values[name] ?? 0);
    const check = async (title: string, name: string, truth: (values: number[]) => number) => {
      const rows = await askMachine(title, TEN_MINUTES);
      expect(rows.length, title).toBeGreaterThan(140);
      for (const row of rows) expect(number(row, name), title).toBeCloseTo(truth(inStep(timeOf(row), name)), 4);
    };
    const most = (values: number[]) => Math.max(...values);
    await check('Processor load', HOST.cpuLoad, meanOf);
    await check('Processor temperature', HOST.cpuTemperature, most);
    await check('Undervoltage and throttling', HOST.underVoltage, most);
    await check('Memory', HOST.memoryAvailable, meanOf);
    await check('Memory', HOST.collectorMemory, meanOf);
    await check('Servers behind the meters', AGENT.lag, most);
    await check('Journal', AGENT.journal, (values) => values.at(-1) ?? Number.NaN);
    await check('Disk', HOST.diskFree, (values) => values.at(-1) ?? Number.NaN);
  });

  test('gaps by cause, also of a counter that began anew', async () => {
    const page = { ...PAGE, fromMs: STOP_MS - 3 * DAY_MS, intervalMs: HOUR_MS };
    const rows = await askMachine('Gaps by cause', page);
    const counts = [...machine.minutes].filter(([at]) => at >= page.fromMs).map(([, values]) => values[TIMEOUTS] ?? 0);
    // Until its end each step is known by its last value: the first step has none before it.
    const known = counts.slice(30);
    const truth = known.reduce((sum, count, n) => {
      const grown = count - (known[n - 1] ?? count);
      return sum + (grown >= 0 ? grown : count);
    }, 0);
    expect(rows.reduce((sum, row) => sum + number(row, 'timeout'), 0)).toBe(truth);
    expect(truth).toBeGreaterThan(30);
    for (const row of rows) expect(row).not.toHaveProperty('crc');
  });

  test('what was written by local day, across a boot and a day of 23 hours', async () => {
    const rows = (await askMachine('Written to the disk by day')).filter((row) => number(row, 'written') > 0);
    const firstDay = startOfDay(STOP_MS - 11 * DAY_MS);
    const known = rows.filter((row) => timeOf(row) >= firstDay);
    expect(known.map((row) => timeOf(row))).toEqual(
      Array.from({ length: known.length }, (_, n) => dayAfter(firstDay, n)),
    );
    expect(known).toHaveLength(12);
    for (const row of known) {
      const minutes = (Math.min(dayAfter(timeOf(row), 1), STOP_MS) - timeOf(row)) / MINUTE_MS;
      // The quarter of an hour in which it started anew is known from its boot on.
      const lost = BOOT_MS >= timeOf(row) && BOOT_MS < dayAfter(timeOf(row), 1) ? 15 : 0;
      const mebibytes = number(row, 'written') / 2 ** 20;
      expect(Math.abs(mebibytes - minutes / 2), row._time).toBeLessThanOrEqual(0.01 + lost);
    }
  });

  test('how long a sample took', async () => {
    const rows = (await askMachine('Duration of a sample', TEN_MINUTES)).filter(
      (row) => row.result === 'most' && row.most,
    );
    for (const row of rows) {
      const minutes = minutesBetween(timeOf(row), timeOf(row) + 10 * MINUTE_MS).map(([, minute]) => minute);
      expect(number(row, 'most')).toBeCloseTo(Math.max(...minutes.map((minute) => minute.most('duration'))), 6);
    }
    expect(rows.length).toBeGreaterThan(130);
  });
});

describe(`alerts, by ${ANSWERED_BY}`, () => {
  const at = async (uid: string, toMs: number) => {
    const alert = ALERTS.find((one) => one.uid === uid);
    if (!alert) throw new Error(`there is no alert ${uid}`);
    const page = { ...PAGE, fromMs: toMs - alert.lookBackS * 1000, toMs };
    const rows = await filled.answers.ask(`alert: ${uid} ${new Date(toMs).toISOString()}`, alert.query, page);
    return rows.map((row) => {
      const value = number(row, '_value');
      return { ...row, value, raised: alert.is === 'gt' ? value > alert.limit : value < alert.limit };
    });
  };

  test('a silent meter is told by its name, one that is read is not', async () => {
    const [from = 0] = GAPS.at(-1) ?? [];
    // Raw readings begin in the morning of the last day; the gap before that is of roll-ups alone.
    expect(await at('energy-meter-silent', STOP_MS)).toMatchObject([{ meter: METER, value: 0, raised: false }]);
    expect(await at('energy-meter-silent', STOP_MS + HOUR_MS)).toMatchObject([{ meter: METER, raised: true }]);
    expect(from).toBeLessThan(STOP_MS);
  });

  test('the store whose backups fail is told, the other is not', async () => {
    expect(await at('energy-backup-old', STOP_MS)).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ host: 'raspberrypi', model: 'azure', raised: true }),
        expect.objectContaining({ host: 'raspberrypi', model: 'usb', raised: false }),
      ]),
    );
  });

  test('disk and temperature of a machine that is well raise nothing', async () => {
    const [disk] = await at('energy-disk-full', STOP_MS);
    const [at1629 = {}] = [machine.minutes.get(STOP_MS - MINUTE_MS)];
    const share = (100 * (at1629[HOST.diskFree] ?? 0)) / (at1629[HOST.diskTotal] ?? 1);
    expect(disk).toMatchObject({ host: 'raspberrypi', raised: false });
    expect(disk?.value).toBeCloseTo(share, 6);
    const hot = await at('energy-hot', STOP_MS);
    expect(hot).toMatchObject([{ host: 'raspberrypi', raised: false }]);
    const ten = [...machine.minutes]
      .filter(([time]) => time >= STOP_MS - 10 * MINUTE_MS)
      .map(([, v]) => v[HOST.cpuTemperature] ?? 0);
    expect(hot[0]?.value).toBeCloseTo(meanOf(ten), 6);
  });
});
