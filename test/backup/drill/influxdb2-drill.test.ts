import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configured } from '../../../agent/backup/configured.ts';
import { type DrillOptions, drill } from '../../../agent/backup/drill/drill.ts';
import { startScratchInfluxd } from '../../../agent/backup/drill/scratch-influxd.ts';
import { openSnapshot } from '../../../agent/backup/restore/restore.ts';
import { runAll } from '../../../agent/backup/run-all.ts';
import { FIRST_S, fill, linesOf, write } from '../../influxdb/snapshot/filled-server.ts';
import { newKeys } from '../../support/backups.ts';
import { runCommand, runProgram } from '../../support/child.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { api } from '../../support/influx-setup.ts';
import { bucketNames, pointsOf } from '../../support/influx-snapshots.ts';
import { type InfluxAccess, requireInfluxd, startInfluxd } from '../../support/influxd.ts';
import { influxdProgram } from '../../support/influxd-program.ts';
import { NOBODY } from '../../support/nobody.ts';
import { silentLog } from '../../support/silent-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const OPTIONS: DrillOptions = {
  which: 'latest',
  store: undefined,
  identityFile: undefined,
  scratch: undefined,
  influxd: undefined,
  patienceMs: 0,
  log: silentLog,
  onProgress: () => {},
};

interface Given {
  /** Shards that the server says it does not have while it is backed up, as it does of those that it cannot open. */
  missing: RegExp;
  /** A public key, and the secret one. */
  recipient: string;
  identity: string;
}

/** A machine whose journal and InfluxDB (three days in bucket `energy`) are backed up. */
async function backedUp({ missing = /^$/, recipient, identity }: Partial<Given> = {}) {
  const influxd = await startInfluxd();
  const tokens = await fill(influxd.url);
  const access: InfluxAccess = { url: influxd.url, token: tokens.operator, org: 'home' };
  const proxy = await FaultProxy.start(access.url);
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  fillJournal(path('state'), secondsFrom(FIRST_S, 10));
  writeFileSync(path('operator'), access.token, { mode: 0o600 });
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  const backup = {
    ...(recipient ? { recipient } : { unencrypted: true }),
    stores: [{ directory: path('place') }],
    databases: [{ operatorTokenFile: path('operator') }],
  };
  const influxdb = { url: proxy.url, org: 'home', timeout: '2s' };
  writeFileSync(path('config'), JSON.stringify({ stateDir: path('state'), meters, influxdb, backup }));
  const machine = configured(path('config'));
  const run = async () => {
    const [one] = await runAll(machine, { agentVersion: '0', log: silentLog });
    expect(one?.problem).toBeUndefined();
  };
  const body = '{"code":"not found","message":"shard 2 not found"}';
  proxy.faultFor = (url) => (missing.test(url) ? { kind: 'answer', status: 404, body } : undefined);
  await run();
  proxy.faultFor = () => undefined;
  const identityFile = identity && path('key');
  if (identityFile) writeFileSync(identityFile, identity, { mode: 0o600 });
  const tryOut = async (options: Partial<DrillOptions> = {}) => {
    const { parts } = await drill(machine, { ...OPTIONS, identityFile, ...options });
    return parts.find(({ name }) => name === 'databases/influxdb');
  };
  /** The first object of a file in the backup. */
  const objectOf = async (name: string) => {
    const [store] = machine.backup.stores;
    if (!store) throw new Error('no store');
    const { snapshot } = await openSnapshot({ store, stateDir: path('state'), identityFile, which: 'latest' });
    const object = snapshot.file(name)?.objects[0]?.name ?? name;
    const found = readdirSync(path('place'), { recursive: true, encoding: 'utf8' }).find((one) => one.endsWith(object));
    return join(path('place'), found ?? name);
  };
  return { influxd, access, proxy, tryOut, path, run, objectOf };
}

const clean = async (access: InfluxAccess) => expect(await bucketNames(access)).toEqual(['energy', 'other']);

describe('beside the live buckets', () => {
  test('every point is compared with the live bucket, which goes on; nothing stays', async (context) => {
    requireInfluxd(context);
    const { access, tryOut } = await backedUp();
    const before = await pointsOf(access, 'energy');
    const nowS = Math.floor(Date.now() / 1000);
    await write(access.url, access.token, linesOf([nowS, nowS + 1]));
    const part = await tryOut();
    expect(part).toMatchObject({
      done: expect.stringMatching(/^restored, 60 values \(.* MB\), 60 of them compared with the live ones$/),
      problems: [],
    });
    await clean(access);
    expect((await pointsOf(access, 'energy')).length).toBe(before.length + 2);
  });

  test('what either has lost, and what has other values, is found', async (context) => {
    requireInfluxd(context);
    const { access, tryOut } = await backedUp();
    const [lost, other, more] = [0, 1, 2].map((day) => FIRST_S + day * 86_400) as [number, number, number];
    await api(access, 'POST', '/api/v2/delete?org=home&bucket=energy', {
      start: new Date(lost * 1000).toISOString(),
      stop: new Date((lost + 5) * 1000 - 1).toISOString(),
    });
    await write(access.url, access.token, [`energy,meter=house voltage=231.75 ${other}`]);
    await write(access.url, access.token, linesOf([more + 3000]));
    expect((await tryOut())?.problems).toEqual([
      'energy, energy voltage of 2026-03-01: 20 values in the backup, 15 live',
      'energy, energy voltage of 2026-03-02: 20 values, others',
      'energy, energy voltage of 2026-03-03: 20 values in the backup, 21 live',
    ]);
    await clean(access);
  });

  test('a shard that InfluxDB did not give to the backup is found by the live one', async (context) => {
    requireInfluxd(context);
    const { access, tryOut } = await backedUp({ missing: /backup\/shards\/2/ });
    expect((await tryOut())?.problems).toEqual([
      'energy, energy voltage of 2026-03-02: 0 values in the backup, 20 live',
    ]);
    await clean(access);
  });

  test('where no shard came, too', async (context) => {
    requireInfluxd(context);
    const { access, tryOut } = await backedUp({ missing: /backup\/shards/ });
    expect((await tryOut())?.problems).toHaveLength(3);
    await clean(access);
  });

  test('what no bucket needs, users and dashboards, is read as well', async (context) => {
    requireInfluxd(context);
    const { tryOut, objectOf } = await backedUp(await newKeys());
    expect((await tryOut())?.problems).toEqual([]);
    rmSync(await objectOf('databases/influxdb/metadata/kv'));
    expect((await tryOut())?.problems).toEqual(['databases/influxdb/metadata/kv of backup 1 is gone or damaged']);
  });

  test('an organisation that has another name now is not made again', async (context) => {
    requireInfluxd(context);
    const { access, tryOut } = await backedUp();
    const orgs = async () =>
      (await api<{ orgs: { id: string; name: string }[] }>(access, 'GET', '/api/v2/orgs')).body.orgs;
    const [{ id } = { id: '' }] = await orgs();
    await api(access, 'PATCH', `/api/v2/orgs/${id}`, { name: 'house' });
    expect((await tryOut())?.problems).toEqual(['organisation home is not in the server: bucket energy was not tried']);
    expect((await orgs()).map(({ name }) => name)).toEqual(['house']);
  });

  test('a backup leaves out what is on trial meanwhile, or was left by a drill that was killed', async (context) => {
    requireInfluxd(context);
    const { access, tryOut, run } = await backedUp();
    const orgs = await api<{ orgs: { id: string }[] }>(access, 'GET', '/api/v2/orgs?org=home');
    const orgID = orgs.body.orgs[0]?.id;
    const description = 'energy-monitor: restored on trial, may be removed';
    await api(access, 'POST', '/api/v2/buckets', { orgID, name: 'energy-drill', retentionRules: [], description });
    await write(access.url, access.token, linesOf([FIRST_S]), 'energy-drill');
    await run();
    expect(await tryOut()).toMatchObject({ done: expect.stringMatching(/^restored, 60 values/), problems: [] });
    await clean(access);
  });

  test('what the live bucket has been told to let go since is no loss', async (context) => {
    requireInfluxd(context);
    const { access, tryOut } = await backedUp();
    const { body } = await api<{ buckets: { id: string }[] }>(access, 'GET', '/api/v2/buckets?name=energy');
    await api(access, 'PATCH', `/api/v2/buckets/${body.buckets[0]?.id}`, {
      retentionRules: [{ type: 'expire', everySeconds: 7 * 86_400 }],
    });
    // As InfluxDB does within half an hour.
    const all = { start: '2026-01-01T00:00:00Z', stop: '2026-04-01T00:00:00Z' };
    await api(access, 'POST', '/api/v2/delete?org=home&bucket=energy', all);
    expect((await tryOut())?.problems).toEqual([]);
  });

  test('what a drill that was killed has left goes; a bucket that is none of its own stays, and is told', async (context) => {
    requireInfluxd(context);
    const { access, proxy, tryOut } = await backedUp();
    proxy.faultFor = (path) => (path.includes('/restore/shards') ? { kind: 'hang' } : undefined);
    expect(await tryOut()).toMatchObject({ done: 'not tried', problems: [expect.stringMatching(/shard/)] });
    proxy.faultFor = () => undefined;
    await clean(access);
    const orgs = await api<{ orgs: { id: string }[] }>(access, 'GET', '/api/v2/orgs?org=home');
    const make = (description: string) =>
      api<{ id: string }>(access, 'POST', '/api/v2/buckets', {
        ...{ orgID: orgs.body.orgs[0]?.id, name: 'energy-drill', retentionRules: [], description },
      });
    await make('energy-monitor: restored on trial, may be removed');
    expect((await tryOut())?.problems).toEqual([]);
    await clean(access);
    await make('my own');
    expect(await tryOut()).toMatchObject({
      problems: [expect.stringMatching(/no drill has made \(rename or delete it/)],
    });
    expect(await bucketNames(access)).toContain('energy-drill');
  });

  test('a server that is away, or a bucket that is gone, is a problem of its own', async (context) => {
    requireInfluxd(context);
    const { access, influxd, tryOut } = await backedUp();
    const { body } = await api<{ buckets: { id: string }[] }>(access, 'GET', '/api/v2/buckets?name=energy');
    await api(access, 'DELETE', `/api/v2/buckets/${body.buckets[0]?.id}`);
    expect((await tryOut())?.problems).toEqual(['bucket energy of the backup is not in the server any more']);
    expect(await bucketNames(access)).toEqual(['other']);
    await influxd.end();
    expect(await tryOut()).toMatchObject({ done: 'not tried', problems: [expect.stringMatching(/cannot be asked/)] });
  });
});

describe('in a server of its own', () => {
  test('the live one is only asked', async (context) => {
    requireInfluxd(context);
    const { access, proxy, tryOut, path } = await backedUp();
    const asked: string[] = [];
    proxy.faultFor = (url) => void asked.push(url);
    const part = await tryOut({ influxd: influxdProgram() ?? 'influxd' });
    expect(part).toMatchObject({ done: expect.stringMatching(/^restored, 60 values .* 60 of them/), problems: [] });
    expect(asked.filter((url) => /restore|backup/.test(url))).toEqual([]);
    expect(readdirSync(path('state'))).not.toContain('energy-monitor-drill');
    await clean(access);
  });

  test('it ends with the drill, also when that is killed', async (context) => {
    requireInfluxd(context);
    const { proxy, path } = await backedUp();
    const bolt = join(path('state'), 'energy-monitor-drill', 'influxd', 'influxd.bolt');
    const running = async () => {
      const found = runProgram('pgrep', ['-f', bolt]);
      await found.ended;
      return found.output();
    };
    proxy.faultFor = () => ({ kind: 'hang' });
    const child = runCommand(['backup', 'drill', '--config', path('config'), '--influxd', influxdProgram() ?? '']);
    await expect.poll(() => existsSync(bolt), { timeout: 20_000 }).toBe(true);
    expect(await running()).not.toBe('');
    await child.end('SIGKILL');
    await expect.poll(running, { timeout: 20_000 }).toBe('');
  });

  test('it reads no configuration of where it is started, and is not root for another', async () => {
    const home = temporaryDirectory();
    chmodSync(home, 0o755);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chownSync(home, NOBODY, NOBODY);
    writeFileSync(join(home, 'influxd'), '#!/bin/sh\npwd > told\nid -u >> told\nexit 3\n', { mode: 0o755 });
    const directory = join(home, 'server');
    await expect(startScratchInfluxd(join(home, 'influxd'), directory)).rejects.toThrow(/it ended with code 3/);
    const uid = isRoot ? NOBODY : process.getuid?.();
    expect(readFileSync(join(directory, 'told'), 'utf8')).toBe(`${directory}\n${uid}\n`);
  });

  test('a program that is none is a sentence', async () => {
    const at = () => join(temporaryDirectory(), 'server');
    await expect(startScratchInfluxd('/nowhere/influxd', at())).rejects.toMatchObject({
      code: 'config',
      message: '/nowhere/influxd cannot be started for a drill: it is not there',
    });
    await expect(startScratchInfluxd('/bin/false', at())).rejects.toThrow(/for a drill: it ended with code 1/);
  });
});
