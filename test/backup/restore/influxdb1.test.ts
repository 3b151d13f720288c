import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type Influxdb1RestoreOptions,
  removeLeftScratchInfluxdb1,
  removeScratchInfluxdb1,
  restoreInfluxdb1,
} from '../../../agent/backup/restore/influxdb1.ts';
import { DamagedContent } from '../../../agent/backup/snapshot-reader.ts';
import { influxdb1Source } from '../../../agent/backup/sources/influxdb1.ts';
import { AgentError } from '../../../agent/system/errors.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { freePort } from '../../support/free-port.ts';
import { type Snapshot, snapshotOf, spoil } from '../../support/influx-snapshots.ts';
import { Influxdb1, influxd1Program, requireInfluxd1 } from '../../support/influxdb1.ts';
import { requireMounts } from '../../support/requires.ts';
import { silentLog } from '../../support/silent-log.ts';
import { SmallDisk } from '../../support/small-disk.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const NAME = 'databases/old';
const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2026, 1, 27);
const NOW_MS = Date.UTC(2026, 2, 3);

beforeEach((context) => requireInfluxd1(context));

function readings(fromMs: number, count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) =>
      `energy,meter=house voltage=${230 + (i % 70) / 10},count=${i}i,on=${i % 3 === 0},state="s${i % 5} é" ${fromMs + i * 1000}`,
  );
}

/** A database with a shard a day over the end of a month, one of the machine's metrics, and their backup. */
async function backedUp() {
  const server = await Influxdb1.start();
  await server.query('CREATE DATABASE energy WITH SHARD DURATION 1d');
  await server.query('CREATE DATABASE host');
  for (let day = 0; day < 4; day++) await server.write('energy', readings(FIRST_MS + day * DAY_MS, 2000));
  await server.write('host', [`host,host=pi load_1m=0.25 ${FIRST_MS}`]);
  const snapshot = await snapshotOf([
    influxdb1Source({
      name: NAME,
      program: influxd1Program(),
      host: '127.0.0.1',
      port: server.rpcPort,
      databases: ['energy', 'host'],
      stateDir: temporaryDirectory(),
      silenceMs: 30_000,
    }),
  ]);
  return { server, snapshot };
}

function restore(
  { reader }: Snapshot,
  { url, rpcPort }: Pick<Influxdb1, 'url' | 'rpcPort'>,
  options: Partial<Influxdb1RestoreOptions> = {},
) {
  return restoreInfluxdb1({
    snapshot: reader,
    sourceName: NAME,
    database: 'energy',
    address: { url },
    timeoutMs: 20_000,
    program: influxd1Program(),
    host: '127.0.0.1',
    port: rpcPort,
    stateDir: temporaryDirectory(),
    skipDamaged: false,
    log: silentLog,
    nowMs: NOW_MS,
    ...options,
  });
}

const points = (server: Influxdb1, database: string) => server.query('SELECT * FROM /.*/', database);
const databases = async (server: Influxdb1): Promise<string[]> => {
  const [{ values = [] } = {}] = (await server.query('SHOW DATABASES')) as { values?: string[][] }[];
  return values.map(([name = '']) => name).filter((name) => name !== '_internal');
};
const failure = (promise: Promise<unknown>): Promise<AgentError> =>
  promise.then(
    () => expect.unreachable(),
    (error: unknown) => {
      expect(error).toBeInstanceOf(AgentError);
      return error as AgentError;
    },
  );

/** influxd, after something was done. @param script `$*` are its arguments */
function scripted(script: string): string {
  const path = join(temporaryDirectory(), 'influxd');
  writeFileSync(path, `#!/bin/sh\ncase "$1" in restore) ${script};; esac\nexec ${influxd1Program()} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A shell command that posts to a URL; not each machine has curl. */
const ask = (url: string) => `'${process.execPath}' -e 'fetch("${url}", { method: "POST" })'`;

test('beside the live one: all points, counted and compared with it', async () => {
  const { server, snapshot } = await backedUp();
  const stateDir = temporaryDirectory();
  const steps: number[] = [];
  const report = await restore(snapshot, server, {
    stateDir,
    onProgress: ({ doneBytes, allBytes }) => steps.push(doneBytes / allBytes),
  });
  expect(report).toMatchObject({ newDatabase: 'energy_restored', shards: 4, files: 4, values: 4 * 2000 * 4 });
  expect(report).toMatchObject({ damaged: [], notes: [] });
  expect(report.comparison).toMatchObject({ compared: 4 * 4, differing: 0, leftCount: 32_000, rightCount: 32_000 });
  expect(steps.at(-1)).toBe(1);
  expect(await points(server, 'energy_restored')).toEqual(await points(server, 'energy'));
  expect(readdirSync(stateDir)).toEqual([]);
  expect(await databases(server)).toEqual(['energy', 'host', 'energy_restored']);
});

test('what the live one has more, or otherwise, is told by day', async () => {
  const { server, snapshot } = await backedUp();
  await server.write('energy', [`energy,meter=house voltage=1 ${FIRST_MS}`, ...readings(FIRST_MS + DAY_MS + 500, 3)]);
  const { comparison } = await restore(snapshot, server);
  expect(comparison?.differing).toBe(5);
  expect(comparison?.differences[0]).toMatchObject({ measurement: 'energy', field: 'count', day: '2026-02-28' });
  expect(comparison?.differences).toContainEqual(
    expect.objectContaining({ day: '2026-02-27', field: 'voltage', left: { count: 2000, sum: expect.any(Number) } }),
  );
});

test('under its own name into an empty server; each database, and its retention', async () => {
  const { server, snapshot } = await backedUp();
  const into = await Influxdb1.start();
  for (const database of ['energy', 'host']) {
    const report = await restore(snapshot, into, { database, newDatabase: database });
    expect(report).toMatchObject({ newDatabase: database, comparison: undefined, notes: [] });
    expect(await points(into, database)).toEqual(await points(server, database));
  }
  const policies = 'SHOW RETENTION POLICIES ON energy';
  expect(await into.query(policies)).toEqual(await server.query(policies));
});

test('points past their retention are told of', async () => {
  const server = await Influxdb1.start();
  await server.query('CREATE DATABASE energy WITH DURATION 3650d SHARD DURATION 1d');
  await server.write('energy', readings(FIRST_MS, 10));
  const snapshot = await snapshotOf([
    influxdb1Source({
      name: NAME,
      program: influxd1Program(),
      host: '127.0.0.1',
      port: server.rpcPort,
      databases: ['energy'],
      stateDir: temporaryDirectory(),
      silenceMs: 30_000,
    }),
  ]);
  const { notes } = await restore(snapshot, server, { nowMs: Date.UTC(2037, 0) });
  expect(notes).toEqual([expect.stringContaining('1 shards are older')]);
});

describe('refused with a remedy before anything is made', () => {
  test('a database that is there stays as it is', async () => {
    const { server, snapshot } = await backedUp();
    await server.query('CREATE DATABASE energy_restored');
    await server.write('energy_restored', [`mine value=1 ${FIRST_MS}`]);
    const before = await points(server, 'energy_restored');
    for (const newDatabase of ['energy', 'energy_restored']) {
      const error = await failure(restore(snapshot, server, { newDatabase }));
      expect(error).toMatchObject({ code: 'config', hint: expect.stringContaining('DROP DATABASE') });
      expect(error.message).toContain(`a database ${newDatabase} in ${server.url} already`);
    }
    expect(await points(server, 'energy_restored')).toEqual(before);
  });

  test('one that somebody makes meanwhile stays as well', async () => {
    const { server, snapshot } = await backedUp();
    const make = `${ask(`${server.url}/query?q=CREATE+DATABASE+energy_restored`)}`;
    const error = await failure(restore(snapshot, server, { program: scripted(make) }));
    expect(error.message).toContain('already');
    expect(await databases(server)).toContain('energy_restored');
  });

  test('no program, nothing that listens, another port, another server, another source', async () => {
    const { server, snapshot } = await backedUp();
    const program = await failure(restore(snapshot, server, { program: '/nonexistent/influxd' }));
    expect(program).toMatchObject({ code: 'config', message: expect.stringContaining('is not here') });
    const away = await failure(restore(snapshot, server, { port: await freePort() }));
    expect(away.hint).toContain('bind-address');
    const http = await failure(restore(snapshot, server, { port: Number(new URL(server.url).port) }));
    expect(http.message).toContain('not the RPC of an InfluxDB 1.x');
    const nobody = { url: `http://127.0.0.1:${await freePort()}`, rpcPort: server.rpcPort };
    expect((await failure(restore(snapshot, nobody))).hint).toContain('nothing listens there');
    const other = createServer((_, response) => response.writeHead(204, { 'x-influxdb-version': 'v2.7.1' }).end());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const address = other.address();
    const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    expect((await failure(restore(snapshot, { url, rpcPort: 1 }))).message).toContain(
      'InfluxDB v2.7.1'.replace('v', ''),
    );
    expect((await failure(restore(snapshot, server, { sourceName: 'databases/x' }))).hint).toContain(NAME);
    expect((await failure(restore(snapshot, server, { database: 'x' }))).hint).toContain('energy, host');
    expect(await databases(server)).toEqual(['energy', 'host']);
  });

  test('no room for the files that are put together', async (context) => {
    requireMounts(context);
    const { server, snapshot } = await backedUp();
    const disk = await SmallDisk.mount(20);
    const error = await failure(restore(snapshot, server, { stateDir: disk.outside() }));
    expect(error).toMatchObject({ code: 'storage', hint: expect.stringMatching(/make \d+ MB free/) });
    expect(await databases(server)).toEqual(['energy', 'host']);
  });
});

describe('damage', () => {
  const EACH: ['gone' | 'damaged'][] = [['gone'], ['damaged']];
  test.each(EACH)('a TSM file that is %s is named; the rest comes when that is wanted', async (how) => {
    const { server, snapshot } = await backedUp();
    const path = spoil(snapshot, /energy\/shards\/.*\.tsm/, how);
    const error = await failure(restore(snapshot, server));
    expect(error).toBeInstanceOf(DamagedContent);
    expect(error.message).toContain(path);
    expect(await databases(server)).toEqual(['energy', 'host']);
    const report = await restore(snapshot, server, { skipDamaged: true });
    expect(report).toMatchObject({ shards: 3, files: 3, values: 24_000, damaged: [expect.stringContaining(path)] });
    expect(report.comparison?.differing).toBe(4);
  });
});

describe('broken off', () => {
  test('a server that dies of it, and comes back: what is half there goes, and the next run is whole', async () => {
    const { server, snapshot } = await backedUp();
    const stateDir = temporaryDirectory();
    let restarted: Promise<void> | undefined;
    const told = createServer((_, response) => {
      restarted = server.end('SIGKILL');
      void restarted.then(() => response.end());
    });
    await new Promise<void>((resolve) => told.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void told.close());
    const address = told.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const program = scripted(
      `${influxd1Program()} "$@" & sleep 0.05; ${ask(`http://127.0.0.1:${port}/`)}; wait; exit 1`,
    );
    const error = await failure(restore(snapshot, server, { program, stateDir }));
    expect(error).toMatchObject({ code: 'unavailable', retryable: true });
    await server.start();
    const report = await restore(snapshot, server, { stateDir });
    expect(report).toMatchObject({ shards: 4, values: 32_000, comparison: { differing: 0 } });
    expect(await points(server, 'energy_restored')).toEqual(await points(server, 'energy'));
    expect(readdirSync(stateDir)).toEqual([]);
  });

  test('a run that was killed: the next one removes what it left; under the live name that is for a person', async () => {
    const { server, snapshot } = await backedUp();
    for (const newDatabase of ['energy_restored', 'energy']) {
      const stateDir = temporaryDirectory();
      writeFileSync(
        join(stateDir, 'influxdb1-restore.json'),
        JSON.stringify({ url: server.url, database: newDatabase }),
      );
      if (newDatabase === 'energy') {
        const error = await failure(restore(snapshot, server, { newDatabase, stateDir }));
        expect(error).toMatchObject({ code: 'config', message: expect.stringContaining('broken off') });
        expect(error.hint).toContain('DROP DATABASE "energy"');
        expect(await databases(server)).toContain('energy');
      } else {
        await server.query('CREATE DATABASE energy_restored');
        expect(await restore(snapshot, server, { newDatabase, stateDir })).toMatchObject({ values: 32_000 });
        expect(existsSync(join(stateDir, 'influxdb1-restore.json'))).toBe(false);
      }
    }
  });

  test('a program that says it is done and has sent nothing is found out, and leaves nothing', async () => {
    const { server, snapshot } = await backedUp();
    const make = `${ask(`${server.url}/query?q=CREATE+DATABASE+energy_restored`)}; exit 0`;
    const stateDir = temporaryDirectory();
    const error = await failure(restore(snapshot, server, { program: scripted(make), stateDir, openingMs: 1000 }));
    expect(error.message).toContain('kept 0 of 4 shards');
    expect(await databases(server)).toEqual(['energy', 'host']);
    expect(readdirSync(stateDir)).toEqual([]);
  });

  test('a program that stands still is ended', async () => {
    const { server, snapshot } = await backedUp();
    const error = await failure(restore(snapshot, server, { program: scripted('exec sleep 60'), silenceMs: 1000 }));
    expect(error.message).toContain('stood still for 1 s');
    expect(await databases(server)).toEqual(['energy', 'host']);
  });
});

test('a trial is compared and goes again, and nothing else with it', async () => {
  const { server, snapshot } = await backedUp();
  await server.query('CREATE DATABASE energy_monitor_scratch_mine');
  const place = { address: { url: server.url }, timeoutMs: 20_000 };
  const { newDatabase, comparison } = await restore(snapshot, server, { newDatabase: 'scratch' });
  expect(comparison).toMatchObject({ differing: 0, rightCount: 32_000 });
  expect(await databases(server)).toContain(newDatabase);
  await removeScratchInfluxdb1(place, newDatabase);
  const all = ['energy', 'host', 'energy_monitor_scratch_mine'];
  expect(await databases(server)).toEqual(all);
  for (const other of ['energy', 'energy_restored', 'energy_monitor_scratch_mine']) {
    expect((await failure(removeScratchInfluxdb1(place, other))).message).toContain('it stays');
  }
  await restore(snapshot, server, { newDatabase: 'scratch' });
  expect(await removeLeftScratchInfluxdb1(place)).toBe(1);
  expect(await databases(server)).toEqual(all);
});

test('what the HTTP API refuses is said, and the password stays out of it', async () => {
  const { server, snapshot } = await backedUp();
  const proxy = await FaultProxy.start(server.url);
  proxy.faultFor = (path) =>
    path.startsWith('/query') ? { kind: 'answer', status: 401, body: '{"error":"authorization failed"}' } : undefined;
  const address = { url: proxy.url, token: 'admin:hunter2' };
  const error = await failure(restore(snapshot, server, { address }));
  expect(error).toMatchObject({ code: 'permission' });
  expect(`${error.message} ${error.hint}`).not.toContain('hunter2');
});
