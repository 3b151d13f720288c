import { join } from 'node:path';
import { expect, test } from 'vitest';
import { snapshotInflux } from '../../../agent/backup/restore/influxdb2.ts';
import { exportInfluxBackup } from '../../../agent/backup/restore/influxdb2-export.ts';
import {
  lookBeforeWhole,
  type RestoreWholeOptions,
  restoreWhole,
} from '../../../agent/influxdb/restore/restore-whole.ts';
import { fill, secondsOf, write } from '../../influxdb/snapshot/filled-server.ts';
import { runProgram } from '../../support/child.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { requireInfluxCli } from '../../support/influx-cli.ts';
import { api } from '../../support/influx-setup.ts';
import {
  bucketNames,
  influxSnapshot,
  mixedLines,
  pointsOf,
  restoreServer,
  snapshotOf,
  spoil,
} from '../../support/influx-snapshots.ts';
import { type InfluxAccess, type Influxd, requireInfluxd, setUp, startInfluxd } from '../../support/influxd.ts';
import { influxdb2Source } from '../../support/source-files.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** The lost Pi, its snapshot, and the new one with a setup of its own. */
async function twoServers() {
  const lost = await startInfluxd();
  const tokens = await fill(lost.url);
  const old: InfluxAccess = { url: lost.url, token: tokens.operator, org: 'home' };
  for (const day of [0, 1, 2]) await write(old.url, old.token, mixedLines(secondsOf(day, 1000)));
  const snapshot = await influxSnapshot(old);
  const wanted = await pointsOf(old, 'energy');
  const next = await startInfluxd();
  const fresh = await setUp(next.url, 'new');
  const whole = (given: Partial<RestoreWholeOptions> = {}) =>
    restoreWhole({ server: restoreServer(fresh), backup: snapshot.backup, operatorToken: old.token, ...given });
  /** What the new server is like for whoever knew the old one. */
  const there = { ...old, url: next.url };
  return { lost, tokens, old, snapshot, wanted, next, fresh, whole, there };
}

/** Whether a token is known there. */
const opens = async ({ url, token }: Pick<InfluxAccess, 'url' | 'token'>) =>
  (await api({ url, token }, 'GET', '/api/v2/orgs')).status === 200;

async function restarted(influxd: Influxd): Promise<void> {
  await influxd.end();
  await influxd.start();
}

test('a new server becomes the lost one: points, buckets, users and tokens; and stays so', async (context) => {
  requireInfluxd(context);
  const { tokens, snapshot, wanted, next, fresh, whole, there } = await twoServers();
  await write(fresh.url, fresh.token, ['gone x=1 1772323200'], 'new');
  const { loses } = await lookBeforeWhole(restoreServer(fresh), snapshot.backup);
  expect(loses).toEqual({ buckets: ['home/new'], users: ['admin'], tokens: 1 });
  const restored = await whole();
  expect(restored).toMatchObject({ operatorToken: there.token, shards: 3, damaged: [], values: wanted.length });
  expect(restored.notes).toEqual([expect.stringContaining('start influxd again')]);
  for (const again of [false, true]) {
    if (again) await restarted(next);
    expect(await pointsOf(there, 'energy')).toEqual(wanted);
    expect(await bucketNames(there)).toEqual(['energy', 'other']);
    expect(await opens({ url: next.url, token: tokens.reader })).toBe(true);
    expect(await opens(fresh)).toBe(false);
  }
  // The next point goes into a shard that came.
  await write(
    there.url,
    there.token,
    mixedLines([secondsOf(2)[0] ?? 0]).map((line) => line.replace('m0', 'm9')),
  );
  expect(await pointsOf(there, 'energy')).toHaveLength(wanted.length + 4);
});

test('nothing is replaced without the token that will open it', async (context) => {
  requireInfluxd(context);
  const { snapshot, fresh, whole } = await twoServers();
  await expect(whole({ operatorToken: undefined })).rejects.toMatchObject({
    message: 'backup 1 holds no more than hashes of its tokens',
    hint: expect.stringContaining('operator token of the server that was backed up'),
  });
  await expect(whole({ operatorToken: fresh.token })).rejects.toMatchObject({ code: 'permission' });
  await expect(whole({ server: restoreServer({ ...fresh, token: 'x' }) })).rejects.toMatchObject({
    code: 'permission',
  });
  const older = { ...snapshot.backup, version: '2.99.0' };
  await expect(whole({ backup: older })).rejects.toMatchObject({ hint: expect.stringContaining('upgrade the server') });
  spoil(snapshot, /metadata\/sql$/, 'damaged');
  await expect(whole()).rejects.toMatchObject({ message: expect.stringContaining('metadata/sql') });
  expect(await opens(fresh)).toBe(true);
  expect(await bucketNames(fresh)).toEqual(['new']);
});

test('a token of the backup that may do less is found out too late to go back, and the next run completes', async (context) => {
  requireInfluxd(context);
  const { tokens, wanted, whole, there } = await twoServers();
  await expect(whole({ operatorToken: tokens.reader })).rejects.toMatchObject({
    message: expect.stringContaining('its points are still missing'),
    hint: expect.stringContaining('influxd recovery auth create-operator'),
  });
  expect(await pointsOf(there, 'energy')).toEqual([]);
  expect(await whole()).toMatchObject({ shards: 3 });
  expect(await pointsOf(there, 'energy')).toEqual(wanted);
});

test('a snapshot without users and tokens is good for single buckets alone', async (context) => {
  requireInfluxd(context);
  const { old, whole } = await twoServers();
  const { reader } = await snapshotOf([influxdb2Source(old.url, old.token, { includeMetadata: false })]);
  const backup = await snapshotInflux(reader, 'influxdb');
  await expect(whole({ backup })).rejects.toMatchObject({ hint: expect.stringContaining('one by one') });
});

test.for([
  ['the reply to the databases is lost', /restore\/kv/, 'reply-lost'],
  ['a connection is cut', /restore\/sql/, 'reset'],
  ['a shard breaks off', /restore\/shards/, 'half-body'],
] as const)('when %s it goes on, or a second run completes it', async ([_what, path, kind], context) => {
  requireInfluxd(context);
  const { wanted, fresh, whole, there } = await twoServers();
  const proxy = await FaultProxy.start(fresh.url);
  let left = 1;
  proxy.faultFor = (asked) => (path.test(asked) && left-- > 0 ? { kind } : undefined);
  const patient = restoreServer({ ...fresh, url: proxy.url }, { patienceMs: 20_000 });
  expect(await whole({ server: patient })).toMatchObject({ shards: 3 });
  expect(await pointsOf(there, 'energy')).toEqual(wanted);

  left = 99;
  const hasty = restoreServer({ ...fresh, token: there.token, url: proxy.url });
  await whole({ server: hasty }).catch(() => {});
  left = 0;
  // With the token that the server had before, as the person asks for it again.
  expect(await whole()).toMatchObject({ shards: 3 });
  expect(await pointsOf(there, 'energy')).toEqual(wanted);
});

test('influx restore --full takes our export', async (context) => {
  requireInfluxd(context);
  const program = requireInfluxCli(context);
  const { snapshot, wanted, fresh, there } = await twoServers();
  const directory = join(temporaryDirectory(), 'export');
  await exportInfluxBackup(snapshot.reader, 'influxdb', directory);
  const args = [
    'restore',
    '--host',
    fresh.url,
    '--token',
    fresh.token,
    '--operator-token',
    there.token,
    '--full',
    directory,
  ];
  const child = runProgram(program, args);
  expect(await child.ended, child.errors() + child.output()).toBe(0);
  expect(await pointsOf(there, 'energy')).toEqual(wanted);
});

test('tasks of the backup run after the next start', async (context) => {
  requireInfluxd(context);
  const lost = await startInfluxd();
  const { operator: token } = await fill(lost.url);
  const old = { url: lost.url, token, org: 'home' };
  const flux = 'option task = {name: "each second", every: 1s}\nfrom(bucket: "energy") |> range(start: -1m)';
  expect((await api(old, 'POST', '/api/v2/tasks', { org: 'home', flux })).status).toBe(201);
  const { backup } = await influxSnapshot(old);
  await lost.end();
  const next = await startInfluxd();
  const fresh = await setUp(next.url, 'new');
  await restoreWhole({ server: restoreServer(fresh), backup, operatorToken: token });
  await restarted(next);
  const there = { ...old, url: next.url };
  const latest = async () => {
    const { body } = await api<{ tasks: { latestCompleted?: string }[] }>(
      there,
      'GET',
      '/api/v2/tasks?name=each%20second',
    );
    return body.tasks[0]?.latestCompleted;
  };
  const first = await latest();
  await expect.poll(latest, { timeout: 20_000, interval: 250 }).not.toBe(first);
});
