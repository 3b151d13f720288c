import { describe, expect, test } from 'vitest';
import { planInfluxRestore, snapshotInflux } from '../../../agent/backup/restore/influxdb2.ts';
import type { InfluxBackup } from '../../../agent/influxdb/restore/influx-backup.ts';
import { type RestoreBucketOptions, restoreBucket } from '../../../agent/influxdb/restore/restore-bucket.ts';
import type { Progress } from '../../../agent/influxdb/restore/send-shards.ts';
import { AgentError } from '../../../agent/system/errors.ts';
import { fill, secondsOf, write } from '../../influxdb/snapshot/filled-server.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
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
import { type InfluxAccess, requireInfluxd, startInfluxd } from '../../support/influxd.ts';
import { scriptedServer } from '../../support/scripted-server.ts';

/** A server with three days in bucket `energy`, a shard each. */
async function filled() {
  const influxd = await startInfluxd();
  const tokens = await fill(influxd.url);
  const access: InfluxAccess = { url: influxd.url, token: tokens.operator, org: 'home' };
  for (const day of [0, 1, 2]) await write(access.url, access.token, mixedLines(secondsOf(day, 3000)));
  return { influxd, tokens, access };
}

const options = (backup: InfluxBackup, access: InfluxAccess, given: Partial<RestoreBucketOptions> = {}) => ({
  server: restoreServer(access),
  backup,
  from: { bucket: 'energy' },
  to: { bucket: 'restored' },
  ...given,
});

test('a bucket comes back beside the live one, value for value, with its progress', async (context) => {
  requireInfluxd(context);
  const { access } = await filled();
  const { reader, backup } = await influxSnapshot(access);
  const plan = await planInfluxRestore(reader, 'influxdb');
  expect(plan).toMatchObject({ label: 'backup 1', version: expect.stringMatching(/^2\./), hasDatabases: true });
  const energy = plan.buckets.find(({ bucket }) => bucket === 'energy');
  expect(energy).toMatchObject({ org: 'home', retentionS: 0, listed: 3, shards: 3, tombstones: 0, damaged: [] });
  expect(energy?.span).toEqual({ fromMs: Date.UTC(2026, 2, 1), toMs: Date.UTC(2026, 2, 4) });

  const steps: Progress[] = [];
  const restored = await restoreBucket(options(backup, access, { onProgress: (step) => steps.push(step) }));
  const { files = 0, bytes = 0 } = energy ?? {};
  expect(restored).toMatchObject({ org: 'home', bucket: 'restored', shards: 3, files, bytes, damaged: [], notes: [] });
  expect(restored.values).toBe(3 * (3000 * 4 + 20));
  expect(steps.at(-1)).toMatchObject({ doneShards: 3, allShards: 3, doneBytes: steps[0]?.allBytes });
  const wanted = await pointsOf(access, 'energy');
  expect(wanted).toHaveLength(3 * (3000 * 4 + 20));
  expect(await pointsOf(access, 'restored')).toEqual(wanted);
  expect(await bucketNames(access)).toEqual(['energy', 'other', 'restored']);
});

test('a bucket without points comes back as one, into an organisation that is made', async (context) => {
  requireInfluxd(context);
  const { access } = await filled();
  const { backup } = await influxSnapshot(access);
  const restored = await restoreBucket(
    options(backup, access, { from: { bucket: 'other', org: 'home' }, to: { bucket: 'empty', org: 'new' } }),
  );
  expect(restored).toMatchObject({ org: 'new', shards: 0, files: 0, bytes: 0 });
  const { body } = await api<{ buckets: { description: string }[] }>(
    access,
    'GET',
    '/api/v2/buckets?org=new&name=empty',
  );
  expect(body.buckets).toMatchObject([{ name: 'empty' }]);
  expect(body.buckets[0]?.description ?? '').toBe('');
});

test('points past their time are told of, or kept for ever', async (context) => {
  requireInfluxd(context);
  const { access } = await filled();
  const whole = await influxSnapshot(access);
  const backup: InfluxBackup = {
    ...whole.backup,
    buckets: whole.backup.buckets.map((bucket) => ({
      ...bucket,
      retentionPolicies: bucket.retentionPolicies.map((policy) => ({ ...policy, duration: 30 * 86_400 * 1e9 })),
    })),
  };
  const nowMs = Date.UTC(2026, 3, 2, 12);
  const { notes } = await restoreBucket(options(backup, access, { nowMs }));
  expect(notes).toEqual([expect.stringMatching(/keeps its points for 30 days: 2 shards are older/)]);
  const forever = await restoreBucket(options(backup, access, { nowMs, keepForever: true, to: { bucket: 'forever' } }));
  expect(forever.notes).toEqual([]);
  const found = await api<{ buckets: { retentionRules: { everySeconds: number }[] }[] }>(
    access,
    'GET',
    '/api/v2/buckets?name=forever',
  );
  expect(found.body.buckets[0]?.retentionRules[0]?.everySeconds ?? 0).toBe(0);
});

test('points that were deleted come back, which is said', async (context) => {
  requireInfluxd(context);
  const { access } = await filled();
  await influxSnapshot(access);
  const [from, to] = [new Date(Date.UTC(2026, 2, 1, 0, 10)), new Date(Date.UTC(2026, 2, 1, 0, 20))];
  const before = await pointsOf(access, 'energy');
  await api(access, 'POST', '/api/v2/delete?org=home&bucket=energy', { start: from, stop: to });
  expect((await pointsOf(access, 'energy')).length).toBeLessThan(before.length);
  const { backup, reader } = await influxSnapshot(access);
  const { buckets } = await planInfluxRestore(reader, 'influxdb');
  expect(buckets.find(({ bucket }) => bucket === 'energy')?.tombstones).toBe(1);
  const { notes } = await restoreBucket(options(backup, access));
  expect(notes).toEqual([expect.stringContaining('InfluxDB restores no deletions')]);
  expect(await pointsOf(access, 'restored')).toEqual(before);
});

describe('refused with a remedy before anything is made', () => {
  test('what is not there, taken or not allowed', async (context) => {
    requireInfluxd(context);
    const { access, tokens } = await filled();
    const { backup } = await influxSnapshot(access);
    const attempt = (given: Partial<RestoreBucketOptions>) => restoreBucket(options(backup, access, given));
    await expect(attempt({ to: { bucket: 'other' } })).rejects.toMatchObject({
      message: 'there is a bucket other in organisation home already',
      hint: expect.stringContaining('another name'),
    });
    await expect(attempt({ from: { bucket: 'nothing' } })).rejects.toMatchObject({
      message: 'backup 1 has no bucket nothing',
      hint: 'it has: energy, other',
    });
    for (const token of [tokens.reader, tokens.stranger]) {
      await expect(attempt({ server: restoreServer({ ...access, token }) })).rejects.toMatchObject({
        code: 'permission',
        hint: expect.stringContaining('operator token'),
      });
    }
    expect(await bucketNames(access)).toEqual(['energy', 'other']);
  });

  test.each([
    ['2.0.9', 'too old for a restore'],
    ['3.1.0', 'is an InfluxDB 3.1.0'],
  ])('InfluxDB %s', async (version, said) => {
    const { url } = await scriptedServer(() => ({ body: JSON.stringify({ name: 'influxdb', version }) }));
    const backup: InfluxBackup = {
      label: 'backup 1',
      version: '2.9.1',
      buckets: [],
      database: () => undefined,
      shard: async () => undefined,
    };
    const attempt = restoreBucket(options(backup, { url, token: 'x', org: 'home' }));
    await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining(said) });
  });

  test('an older server is told of', async (context) => {
    requireInfluxd(context);
    const { access } = await filled();
    const { backup } = await influxSnapshot(access);
    const { notes } = await restoreBucket(options({ ...backup, version: '2.99.0' }, access));
    expect(notes).toEqual([expect.stringMatching(/^the backup is of InfluxDB 2.99.0, and .* is the older 2\./)]);
  });
});

test.for([
  ['gone', false],
  ['damaged', false],
  ['gone', true],
  ['damaged', true],
] as const)('a file whose object is %s is named; skipDamaged: %s', async ([how, skipDamaged], context) => {
  requireInfluxd(context);
  const { access } = await filled();
  const snapshot = await influxSnapshot(access);
  const path = spoil(snapshot, /\/2\/[^/]*\.tsm$/, how);
  const attempt = restoreBucket(options(snapshot.backup, access, { skipDamaged }));
  if (!skipDamaged) {
    await expect(attempt).rejects.toMatchObject({ code: 'storage', message: expect.stringContaining(path) });
    expect(await bucketNames(access)).toEqual(['energy', 'other']);
    return;
  }
  const restored = await attempt;
  expect(restored).toMatchObject({ shards: 2, damaged: [expect.stringContaining(path)] });
  const days = (points: string[]) => new Set(points.map((point) => /\d{4}-\d\d-\d\d/.exec(point)?.[0]));
  expect([...days(await pointsOf(access, 'restored'))]).toEqual(['2026-03-01', '2026-03-03']);
});

test('of a shard with a damaged file the other files come', async (context) => {
  requireInfluxd(context);
  const { access } = await filled();
  await influxSnapshot(access);
  await write(access.url, access.token, mixedLines(secondsOf(1, 3100).slice(3000)));
  const snapshot = await influxSnapshot(access);
  const path = spoil(snapshot, /\/2\/[^/]*0*1-0*1\.tsm$/, 'damaged');
  const restored = await restoreBucket(options(snapshot.backup, access, { skipDamaged: true }));
  expect(restored).toMatchObject({ shards: 3, files: 3, damaged: [expect.stringContaining(path)], notes: [] });
  const there = (await pointsOf(access, 'restored')).filter((point) => point.includes('2026-03-02'));
  expect(there).toHaveLength(100 * 4);
});

test('a snapshot without this source says why', async () => {
  const failing = {
    name: 'influxdb',
    // biome-ignore lint/correctness/useYield: it fails before.
    async *files() {
      throw new AgentError('unavailable', 'nothing listens there');
    },
  };
  const { reader } = await snapshotOf([failing]);
  await expect(snapshotInflux(reader, 'influxdb')).rejects.toMatchObject({
    message: expect.stringMatching(/^backup 1 is without influxdb, .*nothing listens there/),
    hint: 'use an older backup',
  });
  await expect(snapshotInflux(reader, 'cellar')).rejects.toMatchObject({
    message: 'backup 1 has no cellar',
    hint: expect.stringContaining('it has: journal'),
  });
  await expect(snapshotInflux(reader, 'journal')).rejects.toMatchObject({
    message: expect.stringContaining('not of InfluxDB 2'),
  });
});

const SHARD = /^\/api\/v2\/restore\/shards\//;

describe('what goes wrong on the way', () => {
  test.for([
    ['a connection cut before anything arrives', SHARD, { kind: 'reset' }],
    ['half a body', SHARD, { kind: 'half-body' }],
    ['a lost reply', SHARD, { kind: 'reply-lost' }],
    ['a server that is busy', SHARD, { kind: 'answer', status: 503, body: '{"message":"starting"}' }],
    ['a lost reply of the new bucket', /bucketMetadata/, { kind: 'reply-lost' }],
    ['a lost reply of the last change', /^\/api\/v2\/buckets\/\w+$/, { kind: 'reply-lost' }],
    ['a body that the server could not use, and said nothing', SHARD, { kind: 'answer', status: 204 }],
    ['a server that tells nothing of its files', /^\/metrics/, { kind: 'answer', status: 404 }, 99],
  ] as const)('%s: every point is there once', async ([_what, path, fault, times = 2], context) => {
    requireInfluxd(context);
    const { access } = await filled();
    const { backup } = await influxSnapshot(access);
    const proxy = await FaultProxy.start(access.url);
    let left = times;
    proxy.faultFor = (asked) => (path.test(asked) && left-- > 0 ? fault : undefined);
    const server = restoreServer({ ...access, url: proxy.url }, { patienceMs: 20_000 });
    const restored = await restoreBucket(options(backup, access, { server }));
    expect(restored).toMatchObject({ shards: 3, damaged: [], notes: [] });
    expect(await pointsOf(access, 'restored')).toEqual(await pointsOf(access, 'energy'));
  });

  test('a server that takes nothing and says nothing is found out, and what was made is gone', async (context) => {
    requireInfluxd(context);
    const { access } = await filled();
    const { backup } = await influxSnapshot(access);
    const proxy = await FaultProxy.start(access.url);
    proxy.faultFor = (path) => (SHARD.test(path) ? { kind: 'answer', status: 204 } : undefined);
    const server = restoreServer({ ...access, url: proxy.url });
    const to = { bucket: 'restored', org: 'new' };
    await expect(restoreBucket(options(backup, access, { server, to }))).rejects.toMatchObject({
      message: expect.stringContaining('did not keep shard 1'),
      hint: expect.stringContaining('disk may be full'),
    });
    expect(await bucketNames(access)).toEqual(['energy', 'other']);
    expect((await api(access, 'GET', '/api/v2/orgs?org=new')).status).toBe(404);
  });

  test('a server whose disk is full is told of; what is there stays when asked to, and goes with the next run', async (context) => {
    requireInfluxd(context);
    const { access } = await filled();
    const { backup } = await influxSnapshot(access);
    const proxy = await FaultProxy.start(access.url);
    const said = '{"code":"internal error","message":"write /x: no space left on device"}';
    let number = 0;
    proxy.faultFor = (path) =>
      SHARD.test(path) && number++ > 0 ? { kind: 'answer', status: 500, body: said } : undefined;
    const server = restoreServer({ ...access, url: proxy.url });
    const attempt = restoreBucket(options(backup, access, { server, keepUnfinished: true }));
    await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining('no space left on device') });
    expect(await bucketNames(access)).toEqual(['energy', 'other', 'restored']);
    expect(await restoreBucket(options(backup, access))).toMatchObject({ shards: 3 });
    expect(await pointsOf(access, 'restored')).toEqual(await pointsOf(access, 'energy'));
  });

  test('a server that hangs is given up, and a stop ends it at once; both leave nothing behind', async (context) => {
    requireInfluxd(context);
    const { access } = await filled();
    const { backup } = await influxSnapshot(access);
    const proxy = await FaultProxy.start(access.url);
    proxy.faultFor = (path) => (SHARD.test(path) ? { kind: 'hang' } : undefined);
    const hanging = restoreServer({ ...access, url: proxy.url }, { timeoutMs: 300 });
    await expect(restoreBucket(options(backup, access, { server: hanging }))).rejects.toMatchObject({
      message: expect.stringContaining('nothing moved'),
    });
    expect(await bucketNames(access)).toEqual(['energy', 'other']);
    const stop = new AbortController();
    proxy.onRequest = ({ url }) => {
      if (SHARD.test(url ?? '')) stop.abort(new Error('stopped'));
    };
    const stopped = restoreServer({ ...access, url: proxy.url }, { signal: stop.signal });
    await expect(restoreBucket(options(backup, access, { server: stopped }))).rejects.toThrow('stopped');
    expect(await bucketNames(access)).toEqual(['energy', 'other']);
  });

  test('a server that is killed in the middle and comes back gets the rest', async (context) => {
    requireInfluxd(context);
    const { access, influxd } = await filled();
    const { backup } = await influxSnapshot(access);
    let started: Promise<void> | undefined;
    const server = restoreServer(access, { patienceMs: 60_000 });
    const restored = await restoreBucket(
      options(
        {
          ...backup,
          shard: async (id) => {
            const shard = await backup.shard(id);
            return (
              shard && {
                files: shard.files,
                tar: async function* (files) {
                  for await (const piece of shard.tar(files)) {
                    if (id === 2 && !started) {
                      await influxd.end('SIGKILL');
                      started = influxd.start();
                    }
                    yield piece;
                  }
                },
              }
            );
          },
        },
        access,
        { server },
      ),
    );
    await started;
    expect(restored).toMatchObject({ shards: 3 });
    expect(await pointsOf(access, 'restored')).toEqual(await pointsOf(access, 'energy'));
  });
});
