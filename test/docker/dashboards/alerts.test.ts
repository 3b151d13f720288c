import { expect, test } from 'vitest';
import { BACKUP } from '../../../agent/backup/record.ts';
import { HOST } from '../../../agent/host/names.ts';
import { toLine } from '../../../agent/influxdb/line-protocol.ts';
import type { Values } from '../../../agent/readings/reading.ts';
import { ALERTS } from '../../../docker/dashboards/alerts.ts';
import { Workplace } from '../../bench/workplace.ts';
import { type Answers, PAGE, type Rows } from './asking.ts';
import { line, serverOf } from './small-world.ts';
import { DAY_MS, HOUR_MS, type Line, MINUTE_MS, QUARTER_MS, STOP_MS } from './world.ts';

const MACHINE = 'raspberrypi';
const ofMachine = (measurement: string, model: string, timeMs: number, values: Values): Line => ({
  bucket: 'host',
  text: toLine({ series: { measurement, meter: MACHINE, model }, timeMs, values }),
});
const run = (store: string, timeMs: number, ok: boolean) =>
  ofMachine('backup', store, timeMs, { [BACKUP.ok]: ok ? 1 : 0 });

/** What a rule makes of its query's answer: the labels by which its alerts are told apart, and whether each is raised. */
async function raised(answers: Answers, uid: string, tag: string, toMs = STOP_MS) {
  const alert = ALERTS.find((one) => one.uid === uid);
  if (!alert) throw new Error(`there is no alert ${uid}`);
  const rows: Rows = await answers.ask(`${uid} by ${tag} at ${new Date(toMs).toISOString()}`, alert.query, {
    ...PAGE,
    fromMs: toMs - alert.lookBackS * 1000,
    toMs,
  });
  const beyond = (value: number) => (alert.is === 'gt' ? value > alert.limit : value < alert.limit);
  return Object.fromEntries(rows.map((row) => [row[tag], beyond(Number(row._value))]));
}

const times = (count: number, everyMs: number, lastMs: number) =>
  Array.from({ length: count }, (_, n) => lastMs - n * everyMs);

test('a meter that is read more rarely may be silent for longer', async () => {
  using workplace = new Workplace();
  const read = (meter: string, count: number, everyMs: number, agoMs: number) =>
    times(count, everyMs, STOP_MS - agoMs).map((timeMs) => line('energy', meter, timeMs, { duration: 0.1 }));
  const answers = await serverOf(workplace, 'alerts', [
    ...read('each second', 20_000, 1000, 10 * MINUTE_MS),
    ...read('each quarter', 95, QUARTER_MS, 40 * MINUTE_MS),
    ...read('each quarter but silent', 92, QUARTER_MS, 70 * MINUTE_MS),
    ...read('of late', 100, 1000, 1000),
  ]);
  expect(await raised(answers, 'energy-meter-silent', 'meter')).toEqual({
    'each second': true,
    'each quarter': false,
    'each quarter but silent': true,
    'of late': false,
  });
});

test('a store without a whole backup is told, also one that never had one; one that is no longer written is not', async () => {
  using workplace = new Workplace();
  const hourly = (store: string, days: number, ok: (hoursAgo: number) => boolean, fromHoursAgo = 0) =>
    times(days * 24, HOUR_MS, STOP_MS - MINUTE_MS)
      .map((timeMs, hoursAgo) => [run(store, timeMs, ok(hoursAgo)), hoursAgo] as const)
      .filter(([, hoursAgo]) => hoursAgo >= fromHoursAgo)
      .map(([text]) => text);
  const answers = await serverOf(workplace, 'alerts', [
    ...hourly('well', 20, () => true),
    ...hourly('fails for a day', 20, (hoursAgo) => hoursAgo > 24),
    ...hourly('fails for longer', 20, (hoursAgo) => hoursAgo > 27),
    ...hourly('never whole', 3, () => false),
    ...hourly('new', 1, () => false),
    ...hourly('taken away', 20, () => true, 5 * 24),
  ]);
  expect(await raised(answers, 'energy-backup-old', 'model')).toEqual({
    well: false,
    'fails for a day': false,
    'fails for longer': true,
    'never whole': true,
    new: false,
  });
  // Where no store is written any more, all are old.
  expect(await raised(answers, 'energy-backup-old', 'model', STOP_MS + 2 * DAY_MS)).toEqual({
    well: true,
    'fails for a day': true,
    'fails for longer': true,
    'never whole': true,
    new: true,
  });
});

test('a full disk and a hot processor are told, those of another machine are not', async () => {
  using workplace = new Workplace();
  const host = (name: string, free: number, degrees: number): Line[] =>
    times(15, MINUTE_MS, STOP_MS - 1000).map((timeMs) => ({
      bucket: 'host',
      text: toLine({
        series: { measurement: 'host', meter: name, model: 'Raspberry Pi 4' },
        timeMs,
        values: { [HOST.diskTotal]: 32e9, [HOST.diskFree]: free, [HOST.cpuTemperature]: degrees },
      }),
    }));
  const answers = await serverOf(workplace, 'alerts', [...host('full', 3.1e9, 55), ...host('hot', 3.3e9, 81)]);
  expect(await raised(answers, 'energy-disk-full', 'host')).toEqual({ full: true, hot: false });
  expect(await raised(answers, 'energy-hot', 'host')).toEqual({ full: false, hot: true });
});
