import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type SwapOptions, swapBuckets } from '../../../agent/influxdb/restore/swap.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { api, optionsFor, runSetup } from '../../support/influx-setup.ts';
import { bucketNames, pointsOf, restoreServer } from '../../support/influx-snapshots.ts';
import { type InfluxAccess, requireInfluxd, startInfluxd } from '../../support/influxd.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { write } from '../snapshot/filled-server.ts';

const NOW_MS = Date.UTC(2026, 2, 1, 12, 0, 5);
const REPLACED = 'energy-replaced-20260301T120005';

/** A server that `influxdb setup` has set up, and a bucket as a restore would have made it. */
async function setUpWithRestored(lines = ['energy,meter=m power=1 1772323200']) {
  const influxd = await startInfluxd();
  const { url } = influxd;
  const options = optionsFor(url, temporaryDirectory());
  const { error } = await runSetup(options);
  if (error) throw error;
  const secret = (file: string) => readFileSync(file, 'utf8').trim();
  const access: InfluxAccess = { url, token: secret(options.files.operator), org: 'home' };
  const { body } = await api<{ orgs: { id: string }[] }>(access, 'GET', '/api/v2/orgs?org=home');
  await api(access, 'POST', '/api/v2/buckets', { orgID: body.orgs[0]?.id, name: 'energy-restored' });
  if (lines.length > 0) await write(url, access.token, lines, 'energy');
  await write(url, access.token, ['energy,meter=m power=2 1772323200'], 'energy-restored');
  const swap = (given: Partial<SwapOptions> = {}) =>
    swapBuckets({
      server: restoreServer(access),
      org: 'home',
      live: 'energy',
      restored: 'energy-restored',
      nowMs: NOW_MS,
      ...given,
    });
  const status = async (file: string) => {
    const { status: code } = await api(
      { url, token: secret(file) },
      'POST',
      '/api/v2/write?org=home&bucket=energy',
      'x y=1 1',
    );
    return code;
  };
  return { influxd, options, access, swap, status };
}

test('the restored bucket takes the name; tokens go on meaning the replaced one until setup --replace', async (context) => {
  requireInfluxd(context);
  const { options, access, swap, status } = await setUpWithRestored();
  const { writer, reader } = options.files;
  expect(await status(writer)).toBe(204);
  const swapped = await swap();
  expect(swapped).toMatchObject({ replaced: { name: REPLACED }, removed: false });
  expect(swapped.bound.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
    `token energy-monitor reader pi:${reader}`,
    `token energy-monitor writer pi:${writer}`,
  ]);
  expect((await pointsOf(access, 'energy')).map((point) => point.at(-1))).toContain('2');
  expect((await pointsOf(access, REPLACED)).map((point) => point.at(-1))).toContain('1');

  // Held by the agent, which loses nothing: the name leads to a bucket that this token may not write to.
  expect(await status(writer)).toBe(403);
  const looked = await runSetup({ ...options, replace: false });
  expect(looked.error).toMatchObject({ code: 'config' });
  expect(looked.lines.filter((line) => /--replace/.test(line))).toHaveLength(2);
  const replaced = await runSetup({ ...options, replace: true });
  expect(replaced.error).toBeUndefined();
  expect(
    replaced.lines.filter((line) => /^task|^InfluxQL/.test(line)).every((line) => /there already/.test(line)),
  ).toBe(true);
  expect(await status(writer)).toBe(204);
});

test('a mapping and a task that hold the id are told of as well', async (context) => {
  requireInfluxd(context);
  const { access, swap } = await setUpWithRestored();
  const { body } = await api<{ buckets: { id: string; orgID: string }[] }>(
    access,
    'GET',
    '/api/v2/buckets?name=energy',
  );
  const { id, orgID } = body.buckets[0] ?? { id: '', orgID: '' };
  const mapping = { orgID, bucketID: id, database: 'house', retention_policy: 'autogen', default: true };
  expect((await api(access, 'POST', '/api/v2/dbrps', mapping)).status).toBe(201);
  const flux = `option task = {name: "by id", every: 1h}\nfrom(bucketID: "${id}") |> range(start: -1h)`;
  expect((await api(access, 'POST', '/api/v2/tasks', { orgID, flux })).status).toBe(201);
  const { bound } = await swap();
  expect(bound).toContainEqual({ kind: 'InfluxQL mapping', name: 'house' });
  expect(bound).toContainEqual({ kind: 'task', name: 'by id' });
});

test.for([
  ['no point', [], true],
  ['one point long ago', ['energy,meter=m power=1 -5000000000'], false],
  ['one point to come', ['energy,meter=m state="on" 7000000000'], false],
] as const)('a live bucket with %s', async ([_what, lines, isRemoved], context) => {
  requireInfluxd(context);
  const { access, swap } = await setUpWithRestored([...lines]);
  const { replaced, removed, bound } = await swap();
  expect([replaced?.name, removed]).toEqual([REPLACED, isRemoved]);
  expect((await bucketNames(access)).includes(REPLACED)).toBe(!isRemoved);
  expect(bound).toHaveLength(2);
});

test('a live bucket whose shard InfluxDB cannot open answers like one without points, and stays', async (context) => {
  requireInfluxd(context);
  const { influxd, access, swap } = await setUpWithRestored();
  const { body } = await api<{ buckets: { id: string }[] }>(access, 'GET', '/api/v2/buckets?name=energy');
  const data = join(influxd.engine, 'data', body.buckets[0]?.id ?? '');
  await influxd.end();
  const index = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tsl'));
  expect(index).not.toEqual([]);
  for (const name of index) writeFileSync(join(data, name), Buffer.alloc(100, 7));
  await influxd.start();
  expect(await pointsOf(access, 'energy')).toEqual([]);
  expect(await swap()).toMatchObject({ replaced: { name: REPLACED }, removed: false });
  expect(await bucketNames(access)).toContain(REPLACED);
  expect(existsSync(data)).toBe(true);
});

const JSON_TYPE = { 'content-type': 'application/json' };
const RENAME = /^\/api\/v2\/buckets\/\w+$/;

test('a second rename that fails takes back the first; one whose answer is lost counts', async (context) => {
  requireInfluxd(context);
  const { access, swap } = await setUpWithRestored();
  const names = await bucketNames(access);
  const proxy = await FaultProxy.start(access.url);
  const server = restoreServer({ ...access, url: proxy.url });
  let renames = 0;
  proxy.faultFor = (path) =>
    RENAME.test(path) && ++renames === 2
      ? { kind: 'answer', status: 500, headers: JSON_TYPE, body: '{"message":"no"}' }
      : undefined;
  await expect(swap({ server })).rejects.toMatchObject({ message: expect.stringContaining('answers 500: no') });
  expect(renames).toBe(3);
  expect(await bucketNames(access)).toEqual(names);

  renames = 0;
  proxy.faultFor = (path) => (RENAME.test(path) && ++renames === 2 ? { kind: 'reply-lost' } : undefined);
  expect((await swap({ server })).replaced?.name).toBe(REPLACED);
  expect((await pointsOf(access, 'energy')).some((point) => point.endsWith(' 2'))).toBe(true);
});

test('a server that goes away between the renames is told of, and the next run completes', async (context) => {
  requireInfluxd(context);
  const { access, swap } = await setUpWithRestored();
  const proxy = await FaultProxy.start(access.url);
  let renames = 0;
  proxy.faultFor = (path) => {
    if (RENAME.test(path)) renames++;
    return renames >= 2 ? { kind: 'reset' } : undefined;
  };
  await expect(swap({ server: restoreServer({ ...access, url: proxy.url }) })).rejects.toMatchObject({
    message: expect.stringContaining(`the live one is ${REPLACED} now`),
  });
  expect(await bucketNames(access)).not.toContain('energy');
  const { replaced, bound } = await swap();
  expect(replaced?.name).toBe(REPLACED);
  expect(bound).toHaveLength(2);
  expect((await pointsOf(access, 'energy')).some((point) => point.endsWith(' 2'))).toBe(true);
});

test('nothing to swap with is a sentence', async (context) => {
  requireInfluxd(context);
  const { swap } = await setUpWithRestored();
  await expect(swap({ restored: 'nothing' })).rejects.toThrow('has no bucket nothing in organisation home');
  await expect(swap({ org: 'nobody' })).rejects.toThrow('has no organisation nobody');
});
