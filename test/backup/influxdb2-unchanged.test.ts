import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, type TestContext, test } from 'vitest';
import { fill, linesOf, secondsOf, write } from '../influxdb/snapshot/filled-server.ts';
import { recorded, replay } from '../influxdb/snapshot/recording.ts';
import { type Influxd, requireInfluxd, startInfluxd } from '../support/influxd.ts';
import { passedOn, type ScriptedAnswer, scriptedServer } from '../support/scripted-server.ts';
import { recordingLog } from '../support/silent-log.ts';
import { influxdb2Source, shapes, type Taken, takeSource } from '../support/source-files.ts';

const HOUR_MS = 3_600_000;
/** Two zero blocks. */
const EMPTY_TAR_BYTES = 1024;

const shardPath = (id: number) => `/api/v2/backup/shards/${id}`;
const isOf = (id: number) => (path: string) => path.startsWith(`influxdb/shards/${id}/`);
const shardsIn = (paths: readonly string[]) => [
  ...new Set(paths.flatMap((path) => /shards\/(\d+)/.exec(path)?.[1] ?? [])),
];

/** Paths and contents of all shards. The metadata change with each start of the server. */
const shardFiles = ({ files }: Taken): string[] =>
  [...files].filter(([path]) => path.includes('/shards/')).map(([path, data]) => `${path} ${data.toString('base64')}`);

/** TSM files below the storage engine, by shard. */
function tsmFiles({ engine }: Influxd): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const path of readdirSync(join(engine, 'data'), { recursive: true, encoding: 'utf8' })) {
    const [, id] = /\/autogen\/(\d+)\/\d+-\d+\.tsm$/.exec(path) ?? [];
    if (id !== undefined) found.set(Number(id), [...(found.get(Number(id)) ?? []), join(engine, 'data', path)]);
  }
  return found;
}

/** As if nothing had been written for three days. */
function age(influxd: Influxd): void {
  const then = new Date(Date.now() - 72 * HOUR_MS);
  for (const path of [...tsmFiles(influxd).values()].flat()) utimesSync(path, then, then);
}

/** A server whose files are old, behind a proxy that counts bytes and can put the date elsewhere. */
async function server(kind: string, context: TestContext) {
  let shiftMs = 0;
  let influxd: Influxd | undefined;
  let token = 'operator';
  let pass = async (path: string, incoming: Parameters<typeof passedOn>[1]): Promise<ScriptedAnswer> =>
    replay(recorded())(path, incoming);
  // The recording was made within a second of the writing of its files.
  let aheadMs = 48 * HOUR_MS;
  if (kind === 'real') {
    requireInfluxd(context);
    const started = await startInfluxd();
    influxd = started;
    token = (await fill(started.url)).operator;
    pass = (_path, incoming) => passedOn(started.url, incoming);
    aheadMs = 0;
  }
  const hidden = new Set<string>();
  const proxy = await scriptedServer(async (path, incoming) => {
    if (hidden.has(path)) return { status: 404, body: 'not found' };
    const answer = await pass(path, incoming);
    const date = new Date(Date.parse(answer.headers?.date ?? '') + aheadMs + shiftMs);
    return { ...answer, headers: { ...answer.headers, date: date.toUTCString() } };
  });
  const { log, lines } = recordingLog();
  const source = influxdb2Source(proxy.url, token, { log });
  const run = async (last?: Taken) => {
    proxy.requests.length = 0;
    proxy.sent.clear();
    return takeSource(source, last);
  };
  /** The first snapshot flushes what is in memory; what is then on the disk gets old. */
  const first = async () => {
    if (!influxd) return run();
    await run();
    age(influxd);
    return run();
  };
  const shift = (ms: number) => {
    shiftMs = ms;
  };
  return { proxy, hidden, token, influxd, log: lines, first, run, shift };
}

describe.each(['recorded', 'real'])('a %s InfluxDB', (kind) => {
  test('unchanged shards are not read again, but for one in turn', async (context) => {
    const { proxy, first, run, shift } = await server(kind, context);
    let last = await first();
    for (let hour = 1; hour <= 4; hour++) {
      shift(hour * HOUR_MS);
      const now = await run(last);
      expect(shardFiles(now)).toEqual(shardFiles(last));
      const inTurn = String(((hour - 1) % 3) + 1);
      expect(shardsIn(now.read)).toEqual([inTurn]);
      for (const id of [1, 2, 3].filter((one) => String(one) !== inTurn)) {
        expect(proxy.sent.get(shardPath(id)), `hour ${hour}, shard ${id}`).toBe(EMPTY_TAR_BYTES);
      }
      last = now;
    }
  });

  test('a clock that was put back makes all be read', async (context) => {
    const { proxy, first, run, shift } = await server(kind, context);
    const last = await first();
    shift(-HOUR_MS);
    const now = await run(last);
    expect(shardFiles(now)).toEqual(shardFiles(last));
    expect(proxy.requests.filter((path) => path.includes('since'))).toEqual([]);
    expect(proxy.requests.filter((path) => path.includes('/shards/'))).toHaveLength(3);
    shift(0);
    // The looks were earlier than the files now are: they are asked for in the usual way again.
    expect(shardFiles(await run(now))).toEqual(shardFiles(last));
  });

  test('a snapshot that lacks one file of a shard is no reason to leave the shard out', async (context) => {
    const { first, run, shift } = await server(kind, context);
    const last = await first();
    const lost = [...last.remembered.keys()].find((path) => isOf(3)(path) && path.endsWith('.tsm'));
    last.remembered.delete(lost ?? '');
    shift(HOUR_MS);
    const now = await run(last);
    expect(shapes(now)).toEqual(shapes(last));
    expect(now.read).toContain(lost);
  });

  test('without numbers of files and bytes from the server it goes on', async (context) => {
    const { proxy, hidden, first, run, shift } = await server(kind, context);
    hidden.add('/metrics');
    const last = await first();
    shift(HOUR_MS);
    const now = await run(last);
    expect(shardFiles(now)).toEqual(shardFiles(last));
    expect(proxy.sent.get(shardPath(3))).toBe(EMPTY_TAR_BYTES);
  });
});

test.for(['with', 'without'])('a late point in an old shard is found, %s numbers of files', async (how, context) => {
  const { hidden, influxd, token, first, run, shift } = await server('real', context);
  if (how === 'without') hidden.add('/metrics');
  const last = await first();
  await write(influxd?.url ?? '', token, linesOf(secondsOf(1, 5), 'late'));
  shift(HOUR_MS);
  const now = await run(last);
  // The first is the one in turn.
  expect(shardsIn(now.read)).toEqual(['1', '2']);
  const files = [...now.files.keys()].filter(isOf(2));
  expect(files).toHaveLength(3);
  for (const path of [...last.files.keys()].filter(isOf(2)).filter((one) => one.endsWith('.tsm'))) {
    expect(files).toContain(path);
    // The old file is there as it was, and is not even looked at.
    expect(now.read).not.toContain(path);
  }
});

/** Deletes days of a bucket; the storage engine then removes or rewrites the files in its own time. */
async function remove(url: string, token: string, fromS: number, toS: number): Promise<void> {
  const [start, stop] = [fromS, toS].map((s) => new Date(s * 1000).toISOString());
  const answer = await fetch(`${url}/api/v2/delete?org=home&bucket=energy`, {
    method: 'POST',
    headers: { authorization: `Token ${token}` },
    body: JSON.stringify({ start, stop, predicate: '' }),
  });
  expect(answer.status).toBe(204);
}

test('points that were deleted leave the snapshot, though no newer file tells of it', async (context) => {
  const { influxd, token, first, run } = await server('real', context);
  const last = await first();
  const [begin = 0] = secondsOf(1);
  await remove(influxd?.url ?? '', token, begin - 3600, begin + 80_000);
  await until(() => influxd !== undefined && !tsmFiles(influxd).has(2));
  const now = await run(last);
  expect([...now.files.keys()].filter(isOf(2))).toEqual(['influxdb/shards/2/shard.json']);
  expect([...now.files.keys()].filter(isOf(3))).toEqual([...last.files.keys()].filter(isOf(3)));
});

test('what a compaction makes of deleted points is found', async (context) => {
  const { influxd, token, first, run } = await server('real', context);
  const last = await first();
  const [begin = 0] = secondsOf(1);
  await remove(influxd?.url ?? '', token, begin - 3600, begin + 9);
  // The tombstone first, then a new file instead of the old one; each is a change.
  const between = await run(last);
  expect(shardsIn(between.read)).toContain('2');
  await until(
    () => influxd !== undefined && tsmFiles(influxd).get(2)?.[0]?.endsWith('000000001-000000002.tsm') === true,
  );
  const now = await run(between);
  const tsm = [...now.files.keys()].filter(isOf(2)).filter((path) => path.endsWith('.tsm'));
  expect(tsm).toEqual([expect.stringContaining('000000001-000000002.tsm')]);
  expect(now.files.get(tsm[0] ?? '')?.length).toBeGreaterThan(0);
});

test('a file that got an old date, as from a clock that was wrong, is found', async (context) => {
  const { influxd, proxy, token, first, run, shift } = await server('real', context);
  const last = await first();
  await write(influxd?.url ?? '', token, linesOf(secondsOf(1, 5), 'late'));
  // What was in memory is then in a file.
  await (await fetch(`${influxd?.url}${shardPath(2)}`, { headers: { authorization: `Token ${token}` } })).arrayBuffer();
  if (influxd) age(influxd);
  shift(HOUR_MS);
  const now = await run(last);
  expect([...now.files.keys()].filter(isOf(2))).toHaveLength(3);
  expect(proxy.sent.get(shardPath(3))).toBe(EMPTY_TAR_BYTES);
});

test('a shard that InfluxDB cannot open any more is kept as it was, and said', async (context) => {
  const { influxd, log, first, run, shift } = await server('real', context);
  const last = await first();
  await influxd?.end();
  for (const path of (influxd && tsmFiles(influxd).get(2)) ?? []) writeFileSync(path, 'damaged');
  await influxd?.start();
  shift(HOUR_MS);
  const now = await run(last);
  expect(shardFiles(now)).toEqual(shardFiles(last));
  expect(log.filter(({ level }) => Number(level) >= 40)).toMatchObject([{ shard: 2 }]);
});

test('a restart of the server changes nothing', async (context) => {
  const { influxd, proxy, first, run } = await server('real', context);
  const last = await first();
  await influxd?.end();
  await influxd?.start();
  const now = await run(last);
  expect(shardFiles(now)).toEqual(shardFiles(last));
  expect(proxy.sent.get(shardPath(2))).toBe(EMPTY_TAR_BYTES);
  expect(proxy.sent.get(shardPath(3))).toBe(EMPTY_TAR_BYTES);
});

/** Until the storage engine has come so far. */
async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600 && !condition(); tries++) await sleep(50);
  expect(condition()).toBe(true);
}
