import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { freePort } from './free-port.ts';
import { influxdProgram } from './influxd-program.ts';
import { ProcessServer } from './process-server.ts';
import type { SmallDisk } from './small-disk.ts';
import { temporaryDirectory } from './temporary.ts';

/** Where there is none the test is skipped, also in CI. */
export function requireInfluxd(context: TestContext): void {
  if (influxdProgram() === undefined) context.skip('there is no influxd 2.x (put it on PATH, or name it with INFLUXD)');
}

export interface Influxd {
  url: string;
  directory: string;
  /** The storage engine's. */
  engine: string;
  start(): Promise<void>;
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Everything it stored is gone; it is stopped. */
  wipe(): Promise<void>;
}

/** A real, empty InfluxDB 2 on the loopback. */
export async function startInfluxd(disk?: SmallDisk, port?: number): Promise<Influxd> {
  return startInfluxdAt(port ?? (await freePort()), disk);
}

async function startInfluxdAt(port: number, disk: SmallDisk | undefined): Promise<Influxd> {
  const directory = temporaryDirectory();
  const data = join(disk?.directory ?? directory, 'data');
  const args = [
    ['--bolt-path', join(data, 'influxd.bolt')],
    ['--engine-path', join(data, 'engine')],
    ['--sqlite-path', join(data, 'influxd.sqlite')],
    ['--http-bind-address', `127.0.0.1:${port}`],
    ['--log-level', 'error'],
    ['--reporting-disabled'],
  ].flat();
  // It stops cleanly at SIGINT only, and writes below HOME.
  const program = influxdProgram() ?? 'influxd';
  const [command, commandArgs] = disk?.command(program, args) ?? [program, args];
  const server = new ProcessServer({
    command,
    args: commandArgs,
    port,
    healthPath: '/health',
    stopSignal: 'SIGINT',
    env: { HOME: directory },
  });
  await server.start();
  return {
    url: server.url,
    directory,
    engine: join(data, 'engine'),
    start: () => server.start(),
    end: (signal) => server.end(signal),
    wipe: async () => {
      await server.end();
      rmSync(data, { recursive: true });
    },
  };
}

export interface InfluxAccess {
  url: string;
  token: string;
  org: string;
}

/** First setup as a person does it: the operator token of organisation `home` with a bucket. */
export async function setUp(url: string, bucket = 'energy'): Promise<InfluxAccess> {
  const response = await fetch(`${url}/api/v2/setup`, {
    method: 'POST',
    body: JSON.stringify({ username: 'admin', password: 'a long password', org: 'home', bucket }),
  });
  const { auth } = (await response.json()) as { auth: { token: string } };
  return { url, token: auth.token, org: 'home' };
}

/** Rows of a Flux query: column by name. */
export async function flux({ url, token, org }: InfluxAccess, query: string): Promise<Record<string, string>[]> {
  const response = await fetch(`${url}/api/v2/query?org=${org}`, {
    method: 'POST',
    headers: { authorization: `Token ${token}`, 'content-type': 'application/vnd.flux', accept: 'application/csv' },
    body: query,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`query failed: ${text}`);
  const rows: Record<string, string>[] = [];
  for (const table of text.trim().split(/\r?\n\r?\n/)) {
    const [head, ...lines] = table.split(/\r?\n/).filter((line) => line !== '');
    const names = (head ?? '').split(',');
    for (const line of lines) rows.push(Object.fromEntries(line.split(',').map((cell, i) => [names[i] ?? '', cell])));
  }
  return rows;
}

/** All points of a bucket, by `measurement_field meter time`. */
export async function influxPoints(access: InfluxAccess, bucket: string): Promise<Map<string, number>> {
  const rows = await flux(access, `from(bucket: "${bucket}") |> range(start: 0, stop: 2100-01-01T00:00:00Z)`);
  const points = new Map<string, number>();
  for (const row of rows) {
    const key = `${row._measurement}_${row._field} ${row.meter ?? row.host} ${Date.parse(row._time ?? '')}`;
    if (points.has(key)) throw new Error(`${key} is there twice`);
    points.set(key, Number(row._value));
  }
  return points;
}
