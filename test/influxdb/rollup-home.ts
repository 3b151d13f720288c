import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { quantityInfo } from '../../agent/readings/quantity.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { api, optionsFor, runSetup } from '../support/influx-setup.ts';
import { type InfluxAccess, influxPoints, startInfluxd } from '../support/influxd.ts';
import { temporaryDirectory } from '../support/temporary.ts';

export const MINUTE_MS = 60_000;
export const QUARTER_MS = 15 * MINUTE_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const BASE = Date.UTC(2006, 4, 3, 12);

export const HOUSE = { measurement: 'energy', meter: 'house', model: 'we-515' };
export const GARAGE = { measurement: 'energy', meter: 'gar age (1)', model: '' };

/** A reading whose values are all different from second to second. */
export function reading(timeMs: number, series = HOUSE): Reading {
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

export const every = (fromMs: number, toMs: number, stepMs: number, series = HOUSE): Reading[] =>
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
export class Home {
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
    const { body } = await api<{ tasks: (Home['tasks'][number] & { flux: string })[] }>(
      access,
      'GET',
      '/api/v2/tasks?org=home',
    );
    // Only runs of the tests compute.
    for (const { id, flux } of body.tasks) {
      const once = flux.replace(/every: \w+, offset: \w+/, 'every: 87600h');
      expect((await api(access, 'PATCH', `/api/v2/tasks/${id}`, { flux: once })).status).toBe(200);
    }
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
      // The reason is written after the status, beside the script and 'Completed(failed)'.
      const reason = body.log?.find(({ message }) => !/^(Started task|Completed)/.test(message));
      if (body.status === 'failed' && reason) throw new Error(reason.message);
      await sleep(50);
    }
    throw new Error(`${name} does not end`);
  }

  /** Finds what is late at that time, and heals: a day a run. */
  async heal(atMs: number, runs = 1): Promise<void> {
    await this.run('energy late', atMs);
    await this.mend(atMs, runs);
  }

  async mend(atMs: number, runs = 1): Promise<void> {
    for (let i = 0; i < runs; i++) await this.run('energy mend', atMs + i * 5 * MINUTE_MS);
  }

  /** Points of a bucket of roll-ups without the notes of the healing. */
  async windows(bucket: string): Promise<Map<string, number>> {
    return new Map([...(await influxPoints(this.access, bucket))].filter(([key]) => !key.startsWith('energy_hour_')));
  }

  /** Both roll-ups are those of all readings between two times, value for value, and nothing else is there. */
  async expectRolledUp(fromMs: number, toMs: number): Promise<void> {
    const readings = [...this.readings.values()].filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs);
    for (const [bucket, windowMs] of [
      ['energy_1m', MINUTE_MS],
      ['energy_15m', QUARTER_MS],
    ] as const) {
      const expected = rolledUp(readings, windowMs);
      const points = await this.windows(bucket);
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
export async function runSchedule(home: Home, fromMs: number, toMs: number): Promise<void> {
  for (let at = fromMs; at <= toMs; at += MINUTE_MS) {
    if (at % (5 * MINUTE_MS) === 0) await home.run('energy_1m', at);
    if (at % QUARTER_MS === 0) await home.run('energy_15m', at);
  }
}
