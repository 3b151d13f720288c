import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { influxdb1Source } from '../../../agent/backup/sources/influxdb1.ts';
import { rebuildInfluxdb1 } from '../../../agent/backup/sources/influxdb1-rebuild.ts';
import { AgentError } from '../../../agent/system/errors.ts';
import { runProgram } from '../../support/child.ts';
import { nonsensePort } from '../../support/fault-proxy.ts';
import { freePort } from '../../support/free-port.ts';
import { Influxdb1, influxd1Program, requireInfluxd1 } from '../../support/influxdb1.ts';
import { type Taken, take } from '../../support/taken-source.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2026, 1, 10);

interface Options {
  databases?: string[];
  program?: string;
  silenceMs?: number;
  stateDir?: string;
  nowMs?: number;
}

function source(port: number, options: Options = {}) {
  return influxdb1Source({
    name: 'influxdb1',
    program: influxd1Program(),
    host: '127.0.0.1',
    port,
    databases: ['energy'],
    stateDir: temporaryDirectory(),
    silenceMs: 30_000,
    ...options,
  });
}

function readings(fromMs: number, count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) =>
      `energy,meter=house,model=we-515 voltage=${230 + (i % 70) / 10},active_energy=${(1000.01 + i / 100).toFixed(2)} ${fromMs + i * 1000}`,
  );
}

/** A database with a shard a day, four days, and one of the machine's metrics. */
async function server(): Promise<Influxdb1> {
  const started = await Influxdb1.start();
  await started.query('CREATE DATABASE energy WITH SHARD DURATION 1d');
  await started.query('CREATE DATABASE host');
  for (let day = 0; day < 4; day++) await started.write('energy', readings(FIRST_MS + day * DAY_MS, 2000));
  await started.write('host', [`host,host=pi load_1m=0.25,uptime_seconds=12345 ${FIRST_MS}`]);
  return started;
}

const digests = ({ files }: Taken) =>
  [...files].map(([path, { content }]) => `${path} ${createHash('sha256').update(content).digest('hex').slice(0, 16)}`);
const tsmOf = (paths: Iterable<string>) => [...paths].filter((path) => path.includes('/shards/'));
const failure = (promise: Promise<unknown>): Promise<AgentError> =>
  promise.then(
    () => expect.unreachable(),
    (error: unknown) => {
      expect(error).toBeInstanceOf(AgentError);
      return error as AgentError;
    },
  );

async function restore(taken: Taken, into: Influxdb1, database: string): Promise<void> {
  const directory = join(temporaryDirectory(), 'rebuilt');
  const read = async function* (path: string) {
    yield taken.files.get(path)?.content ?? expect.unreachable(path);
  };
  await rebuildInfluxdb1('influxdb1', database, read, directory);
  const args = ['restore', '-portable', '-host', `127.0.0.1:${into.rpcPort}`, '-db', database, directory];
  const child = runProgram(influxd1Program(), args);
  expect(await child.ended, child.errors()).toBe(0);
}

/** A program that does as influxd does, but then spoils what it wrote. */
function spoiledInfluxd(script: string): string {
  const path = join(temporaryDirectory(), 'influxd');
  writeFileSync(path, `#!/bin/sh\nset -e\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('with a real InfluxDB 1', () => {
  beforeEach((context) => requireInfluxd1(context));

  test('what was taken, put together and restored into an empty server, is all of it', async () => {
    const from = await server();
    const into = await Influxdb1.start();
    const taken = await take(source(from.rpcPort, { databases: ['energy', 'host'] }));
    for (const database of ['energy', 'host']) {
      await restore(taken, into, database);
      const points = await from.query('SELECT * FROM /.*/', database);
      expect(points).toHaveLength(1);
      // 1.6.7 says that it is done a moment before the points can be asked for.
      await expect.poll(() => into.query('SELECT * FROM /.*/', database), { timeout: 20_000 }).toEqual(points);
    }
    expect(JSON.stringify(await into.query('SHOW RETENTION POLICIES ON energy'))).toContain('24h0m0s');
  });

  test('each TSM file is a file, and two backups of unchanged data are the same to the byte', async () => {
    const { rpcPort } = await server();
    const first = await take(source(rpcPort));
    expect([...first.files.keys()]).toEqual([
      ...[1, 2, 3, 4].map((id) => `influxdb1/energy/shards/${id}/000000001-000000001.tsm`),
      'influxdb1/energy/meta',
      'influxdb1/energy/backup.json',
    ]);
    expect(digests(await take(source(rpcPort)))).toEqual(digests(first));
    const second = await take(source(rpcPort), first);
    expect(tsmOf(second.read)).toEqual([]);
    expect(digests(second)).toEqual(digests(first));
  });

  test('shards without new files are not read; late points and deletions are noticed', async () => {
    const from = await server();
    const log = join(temporaryDirectory(), 'log');
    const program = spoiledInfluxd(`echo "$*" >> ${log}\nexec ${influxd1Program()} "$@"`);
    // The margin for clocks is longer than this test: a run that lies ahead has nothing new behind it.
    const run = (last: Taken, hours: number) =>
      take(source(from.rpcPort, { program, nowMs: Date.now() + hours * 3_600_000 }), last);
    const shardsRead = () => {
      const lines = readFileSync(log, 'utf8').split('\n');
      writeFileSync(log, '');
      return lines.flatMap((line) => /-shard (\d+)/.exec(line)?.[1] ?? []);
    };
    let taken = await run({ files: new Map(), read: [] }, 2);
    expect(shardsRead()).toEqual(['1', '2', '3', '4']);
    // The newest, which is written to, and another one in turn.
    const turns: string[][] = [];
    for (let i = 0; i < 3; i++) {
      taken = await run(taken, 3 + i);
      turns.push(shardsRead());
    }
    expect(turns).toEqual([
      ['2', '4'],
      ['3', '4'],
      ['1', '4'],
    ]);
    await from.write('energy', [`energy,meter=house voltage=1.5 ${FIRST_MS + 500}`]);
    const late = await take(source(from.rpcPort, { program, nowMs: Date.now() + 7 * 3_600_000 }), {
      ...taken,
      files: startedAt(taken, Date.now()),
    });
    expect(shardsRead()).toContain('1');
    expect(tsmOf(late.read)).toEqual([expect.stringMatching(/shards\/1\/0000000\d\d-000000001\.tsm$/)]);
    await from.query(`DELETE FROM energy WHERE time < ${FIRST_MS + 10_000}ms`, 'energy');
    const deleted = await take(source(from.rpcPort), { ...late, files: startedAt(late, Date.now() - 1000) });
    expect(tsmOf(deleted.read).filter((path) => path.endsWith('.tombstone'))).not.toEqual([]);
  });

  test('what is not whole in the repository any more, or of another server, is read again', async () => {
    const { rpcPort } = await server();
    const first = await take(source(rpcPort, { nowMs: Date.now() + 7_200_000 }));
    const damaged: Taken = { files: new Map(first.files), read: [] };
    damaged.files.delete('influxdb1/energy/shards/1/000000001-000000001.tsm');
    const later = { nowMs: Date.now() + 10_800_000 };
    expect(tsmOf((await take(source(rpcPort, later), damaged)).read)).toEqual([
      'influxdb1/energy/shards/1/000000001-000000001.tsm',
    ]);
    const other = await Influxdb1.start();
    await other.query('CREATE DATABASE energy');
    expect(tsmOf((await take(source(other.rpcPort, later), first)).files.keys())).toEqual([]);
  });

  test('a database that is not there, or has nothing in it', async () => {
    const started = await Influxdb1.start();
    const missing = await failure(take(source(started.rpcPort, { databases: ['nosuch'] })));
    expect(missing).toMatchObject({ code: 'config', retryable: false });
    expect(missing.message).toContain('no database nosuch');
    await started.query('CREATE DATABASE energy');
    const { files } = await take(source(started.rpcPort));
    expect([...files.keys()]).toEqual(['influxdb1/energy/meta', 'influxdb1/energy/backup.json']);
  });

  test('the port of HTTP instead of that of RPC', async () => {
    const { url } = await Influxdb1.start();
    const error = await failure(take(source(Number(new URL(url).port))));
    expect(error).toMatchObject({ code: 'config', retryable: false });
    expect(error.hint).toContain('8088');
  });

  test('nothing is left in the state directory, also of a run that failed or was killed', async () => {
    const from = await server();
    const stateDir = temporaryDirectory();
    mkdirSync(join(stateDir, 'influxdb1-backup'));
    writeFileSync(join(stateDir, 'influxdb1-backup', 'left.manifest'), 'by a run that was killed');
    expect(tsmOf((await take(source(from.rpcPort, { stateDir }))).read)).toHaveLength(4);
    expect(readdirSync(stateDir)).toEqual([]);
    await failure(take(source(from.rpcPort, { stateDir, databases: ['energy', 'nosuch'] })));
    expect(readdirSync(stateDir)).toEqual([]);
  });

  test('a server that is killed in between, and started again', async () => {
    const from = await server();
    const first = await take(source(from.rpcPort));
    let files = 0;
    const broken = (async () => {
      for await (const { content } of source(from.rpcPort).files(new Map())) {
        for await (const _ of content);
        if (files++ === 1) await from.end('SIGKILL');
      }
    })();
    expect(await failure(broken)).toMatchObject({ code: 'unavailable', retryable: true });
    await from.start();
    expect(tsmOf(digests(await take(source(from.rpcPort))))).toEqual(tsmOf(digests(first)));
  });

  const SPOILED: [string, (bytes: Buffer) => Buffer][] = [
    ['cut amid a file', (tar) => tar.subarray(0, tar.length - 2000)],
    ['cut at its end', (tar) => tar.subarray(0, tar.length - 1024)],
  ];
  test.each(SPOILED)('the tar of a shard that is %s is no backup', async (_name, spoil) => {
    const from = await server();
    const kept = join(temporaryDirectory(), 'kept');
    const shard = runProgram(influxd1Program(), [
      ...['backup', '-portable', '-host', `127.0.0.1:${from.rpcPort}`, '-db', 'energy', '-rp', 'autogen'],
      ...['-shard', '2', kept],
    ]);
    expect(await shard.ended).toBe(0);
    const name = readdirSync(kept).find((file) => file.endsWith('.tar.gz')) ?? '';
    writeFileSync(join(kept, name), gzipSync(spoil(gunzipSync(readFileSync(join(kept, name))))));
    const program = spoiledInfluxd(
      `for last; do :; done\ncase "$*" in *"-shard 2"*) cp ${kept}/* "$last";; *) exec ${influxd1Program()} "$@";; esac`,
    );
    const error = await failure(take(source(from.rpcPort, { program })));
    expect(error).toMatchObject({ code: 'unavailable', retryable: true });
    expect(error.message).toContain('not whole');
  });

  test('a gzip that is cut off is no backup', async () => {
    const from = await server();
    const program = spoiledInfluxd(
      `${influxd1Program()} "$@"\nfor last; do :; done\ncase "$*" in *"-shard 2"*) f=$(ls "$last"/*.tar.gz); head -c 300 "$f" > "$f.x"; mv "$f.x" "$f";; esac`,
    );
    expect(await failure(take(source(from.rpcPort, { program })))).toMatchObject({ retryable: true });
  });

  test('a server that accepts and then says nothing is given up', async () => {
    const hanging = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void hanging.close());
    const address = hanging.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const error = await failure(take(source(port, { silenceMs: 2000 })));
    expect(error).toMatchObject({ code: 'unavailable', retryable: true });
    expect(error.message).toContain('stood still for 2 s');
  });

  test('a port where something else listens', async () => {
    expect(await failure(take(source(await nonsensePort())))).toMatchObject({ hint: expect.any(String) as string });
  });
});

test('nothing listens: said at once, with what to look at', async () => {
  const program = spoiledInfluxd('echo "InfluxDB v1.8.10 (git: 1.8 abc)"');
  const error = await failure(take(source(await freePort(), { program })));
  expect(error).toMatchObject({ code: 'unavailable', retryable: true });
  expect(error.hint).toContain('bind-address');
});

const PROGRAMS: [string, () => string, RegExp][] = [
  ['is not there', () => '/nonexistent/influxd', /is not here/],
  ['is not in PATH', () => 'influxd-that-nobody-has', /is not here/],
  [
    'is that of InfluxDB 2',
    () => spoiledInfluxd('echo "InfluxDB v2.9.1 (git: d4fa1941fd) build_date: 2026"'),
    /2\.9\.1/,
  ],
  ['is something else', () => spoiledInfluxd('echo hello'), /is no influxd/],
];
test.each(PROGRAMS)('a program that %s', async (_name, program, message) => {
  const error = await failure(take(source(1, { program: program() })));
  expect(error).toMatchObject({ code: 'config', retryable: false });
  expect(error.message).toMatch(message);
  expect(error.hint).toBeTruthy();
});

/** The files of a run, as if it had begun at another time. */
function startedAt({ files }: Taken, startedMs: number): Taken['files'] {
  const path = 'influxdb1/energy/backup.json';
  const index = files.get(path);
  if (!index) throw new Error('no index');
  const stamp = JSON.stringify({ ...(JSON.parse(index.stamp ?? '') as object), startedMs });
  return new Map([...files, [path, { ...index, stamp }]]);
}
