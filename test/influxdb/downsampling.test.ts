import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { quantityInfo } from '../../agent/readings/quantity.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { api, optionsFor, runSetup } from '../support/influx-setup.ts';
import { type InfluxAccess, influxPoints, requireInfluxd, startInfluxd } from '../support/influxd.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Longer ago than the server's own schedule looks back: only runs of the tests compute. */
const BASE = Date.UTC(2006, 4, 3, 12);

const HOUSE = { measurement: 'energy', meter: 'house', model: 'we-515' };
const GARAGE = { measurement: 'energy', meter: 'gar age', model: '' };

/** A reading whose values are all different from second to second. */
function reading(timeMs: number, series = HOUSE): Reading {
  const k = timeMs / 1000;
  return {
    series,
    timeMs,
    values: {
      voltage: 230 + (k % 7) / 10,
      active_power: Math.round(1000 * Math.sin(k / 40)),
      active_energy: Math.round((timeMs - BASE + 40 * DAY_MS) / 1000) / 100,
      reactive_energy_t2: Math.round(k % 100_000) / 10,
      duration: 0.1 + (k % 13) / 1000,
    },
  };
}

const every = (fromMs: number, toMs: number, stepMs: number, series = HOUSE): Reading[] =>
  Array.from({ length: (toMs - fromMs) / stepMs }, (_, i) => reading(fromMs + i * stepMs, series));

/** Roll-ups of readings, computed here, by `measurement_field meter time`. */
function rolledUp(readings: readonly Reading[], windowMs: number): Map<string, number> {
  const windows = new Map<string, { timeMs: number; value: number }[]>();
  const samples = new Map<string, number>();
  for (const { series, timeMs, values } of readings) {
    const at = `${series.meter} ${Math.floor(timeMs / windowMs) * windowMs}`;
    samples.set(at, (samples.get(at) ?? 0) + 1);
    for (const [name, value] of Object.entries(values)) {
      const key = `${name} ${at}`;
      windows.set(key, [...(windows.get(key) ?? []), { timeMs, value }]);
    }
  }
  const points = new Map<string, number>();
  for (const [at, count] of samples) points.set(`energy_count ${at}`, count);
  for (const [key, entries] of windows) {
    const [name = '', ...rest] = key.split(' ');
    const at = rest.join(' ');
    const values = entries.sort((a, b) => a.timeMs - b.timeMs).map(({ value }) => value);
    if (quantityInfo(name)?.kind === 'counter') points.set(`energy_${name} ${at}`, values.at(-1) ?? Number.NaN);
    else {
      points.set(`energy_${name} ${at}`, values.reduce((sum, value) => sum + value, 0) / values.length);
      points.set(`energy_${name}_min ${at}`, Math.min(...values));
      points.set(`energy_${name}_max ${at}`, Math.max(...values));
    }
  }
  return points;
}

/** A server as the command sets it up, and what the tests do with it. */
class Home {
  readonly access: InfluxAccess;
  readonly tasks: { id: string; name: string }[];
  readonly killAndStart: () => Promise<void>;
  readonly readings = new Map<string, Reading>();

  private constructor(access: InfluxAccess, tasks: Home['tasks'], killAndStart: Home['killAndStart']) {
    this.access = access;
    this.tasks = tasks;
    this.killAndStart = killAndStart;
  }

  static async start(): Promise<Home> {
    const server = await startInfluxd();
    const options = optionsFor(server.url, temporaryDirectory());
    const { error } = await runSetup(options);
    expect(error).toBeUndefined();
    const access = { url: server.url, token: readFileSync(options.files.operator, 'utf8').trim(), org: 'home' };
    const { body } = await api<{ tasks: Home['tasks'] }>(access, 'GET', '/api/v2/tasks?org=home');
    return new Home(access, body.tasks, async () => {
      await server.end('SIGKILL');
      await server.start();
    });
  }

  async write(readings: readonly Reading[], bucket = 'energy'): Promise<void> {
    for (let i = 0; i < readings.length; i += 20_000) {
      const lines = readings
        .slice(i, i + 20_000)
        .map(toLine)
        .join('\n');
      const { status } = await api(this.access, 'POST', `/api/v2/write?org=home&bucket=${bucket}&precision=ms`, lines);
      expect(status).toBe(204);
    }
    if (bucket === 'energy') for (const one of readings) this.readings.set(`${one.series.meter} ${one.timeMs}`, one);
  }

  /** Runs a task as the schedule does at that time. */
  async run(name: string, atMs: number): Promise<void> {
    const id = this.tasks.find((task) => task.name === `energy-monitor ${name}`)?.id;
    const path = `/api/v2/tasks/${id}/runs`;
    const started = await api<{ id: string }>(this.access, 'POST', path, {
      scheduledFor: new Date(atMs).toISOString(),
    });
    expect(started.status, JSON.stringify(started.body)).toBe(201);
    for (let tries = 0; tries < 600; tries++) {
      const { body } = await api<{ status: string; log?: { message: string }[] }>(
        this.access,
        'GET',
        `${path}/${started.body.id}`,
      );
      if (body.status === 'success') return;
      if (body.status === 'failed') throw new Error(body.log?.at(-1)?.message);
      await sleep(50);
    }
    throw new Error(`${name} does not end`);
  }

  /** Both roll-ups are those of all readings between two times, value for value, and nothing else is there. */
  async expectRolledUp(fromMs: number, toMs: number): Promise<void> {
    const readings = [...this.readings.values()].filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs);
    for (const [bucket, windowMs] of [
      ['energy_1m', MINUTE_MS],
      ['energy_15m', QUARTER_MS],
    ] as const) {
      const expected = rolledUp(readings, windowMs);
      const points = await influxPoints(this.access, bucket);
      expect([...points.keys()].sort(), bucket).toEqual([...expected.keys()].sort());
      for (const [key, value] of expected) {
        // Sums are rounded in another order there.
        expect(Math.abs((points.get(key) ?? Number.NaN) - value), `${bucket} ${key}`).toBeLessThan(
          1e-9 * Math.max(1, Math.abs(value)),
        );
      }
    }
  }
}

/** The schedule of a stretch of time: each task at each of its points. */
async function runSchedule(home: Home, fromMs: number, toMs: number): Promise<void> {
  for (let at = fromMs; at <= toMs; at += MINUTE_MS) {
    if (at % (5 * MINUTE_MS) === 0) await home.run('energy_1m', at);
    if (at % QUARTER_MS === 0) await home.run('energy_15m', at);
  }
}

test('the latest windows: means, least and most of gauges, last of counters, samples, for each meter', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  await home.write(every(BASE, BASE + 30 * MINUTE_MS, 1000));
  await home.write(every(BASE, BASE + 30 * MINUTE_MS, 10_000, GARAGE));
  await runSchedule(home, BASE + MINUTE_MS, BASE + 30 * MINUTE_MS);
  await home.expectRolledUp(BASE, BASE + 30 * MINUTE_MS);
});

test('readings that come late, by minutes or days, are in the roll-ups after one run', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + 2 * DAY_MS + 30 * MINUTE_MS;
  // Two days of which the middle is missing, and some of the current hour.
  await home.write(every(BASE, BASE + 6 * HOUR_MS, 10_000));
  await home.write(every(now - 2 * HOUR_MS, now - 10 * MINUTE_MS, 10_000));
  await home.run('energy late', now - 5 * MINUTE_MS);
  await home.expectRolledUp(0, now - 15 * MINUTE_MS);

  await home.write(every(BASE + 6 * HOUR_MS, now - 2 * HOUR_MS, 10_000));
  await home.write(every(now - 10 * MINUTE_MS, now, 10_000));
  await home.run('energy late', now);
  await home.expectRolledUp(0, now);

  // A single reading between others, and one after all first passes of its hour.
  await home.write([reading(BASE + 5 * HOUR_MS + 5000), reading(now - 20 * MINUTE_MS + 3000)]);
  await home.run('energy late', now);
  await home.expectRolledUp(0, now);
});

test('nothing differs: nothing is written; lost roll-ups of one kind alone are found', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + DAY_MS;
  await home.write(every(BASE, now, 30_000));
  await home.run('energy late', now);
  // Somebody's own point shows whether its window was computed again.
  const mark = { ...reading(BASE + HOUR_MS), values: { voltage: 1 } };
  await home.write([mark], 'energy_1m');
  await home.run('energy late', now);
  expect((await influxPoints(home.access, 'energy_1m')).get(`energy_voltage house ${BASE + HOUR_MS}`)).toBe(1);

  const span = { start: new Date(BASE + HOUR_MS).toISOString(), stop: new Date(BASE + 2 * HOUR_MS - 1).toISOString() };
  for (const bucket of ['energy_15m', 'energy_1m']) {
    await api(home.access, 'POST', `/api/v2/delete?org=home&bucket=${bucket}`, span);
    await home.run('energy late', now);
    await home.expectRolledUp(BASE, now);
  }
});

test('a server that was off: readings of meanwhile and missed runs are made good', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  await home.write(every(BASE, BASE + 30 * MINUTE_MS, 5000));
  await runSchedule(home, BASE + 5 * MINUTE_MS, BASE + 30 * MINUTE_MS);
  await home.killAndStart();
  await home.write(every(BASE + 30 * MINUTE_MS, BASE + 4 * HOUR_MS, 5000));
  await home.run('energy_1m', BASE + 4 * HOUR_MS);
  await home.run('energy late', BASE + 4 * HOUR_MS);
  await home.expectRolledUp(BASE, BASE + 4 * HOUR_MS);
});

test('more than a run computes is done by the next ones; what is older than the near past, by the other task', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + 8 * DAY_MS;
  await home.write(every(BASE, now, 5 * MINUTE_MS));
  for (let runs = 0; runs < 3; runs++) await home.run('energy late', now);
  await home.expectRolledUp(BASE, now);

  const years = BASE - 800 * DAY_MS;
  await home.write(every(years, years + DAY_MS, 5 * MINUTE_MS));
  await home.run('energy late', now);
  await home.expectRolledUp(BASE, now);
  await home.run('energy old', now);
  await home.expectRolledUp(0, now);
});

test('roll-ups outlive raw readings that are gone, and readings without duration or voltage count', async (context) => {
  requireInfluxd(context);
  const home = await Home.start();
  const now = BASE + 3 * HOUR_MS;
  const without = (name: string) => (one: Reading) => ({
    ...one,
    values: Object.fromEntries(Object.entries(one.values).filter(([key]) => key !== name)),
  });
  await home.write(every(BASE, BASE + HOUR_MS, 10_000).map(without('duration')));
  await home.write(every(BASE + HOUR_MS, now, 10_000).map(without('voltage')));
  await home.run('energy late', now);
  await home.expectRolledUp(BASE, now);

  const gone = { start: new Date(BASE).toISOString(), stop: new Date(BASE + HOUR_MS - 1).toISOString() };
  await api(home.access, 'POST', '/api/v2/delete?org=home&bucket=energy', gone);
  await home.write([reading(now - HOUR_MS + 1000)]);
  await home.run('energy late', now);
  await home.expectRolledUp(BASE, now);
});
