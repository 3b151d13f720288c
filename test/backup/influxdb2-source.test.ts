import { gunzipSync } from 'node:zlib';
import { describe, expect, type TestContext, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { decodeShardManifest } from '../../agent/influxdb/snapshot/shard-manifest.ts';
import { AgentError } from '../../agent/system/errors.ts';
import { FIRST_S, fill } from '../influxdb/snapshot/filled-server.ts';
import { type Asker, type Exchange, recorded, replay } from '../influxdb/snapshot/recording.ts';
import { backUp, contents, openRepository } from '../support/backups.ts';
import { fillJournal } from '../support/forwarding.ts';
import { requireInfluxd, startInfluxd } from '../support/influxd.ts';
import { type ScriptedAnswer, scriptedServer } from '../support/scripted-server.ts';
import { recordingLog } from '../support/silent-log.ts';
import { shapes, influxdb2Source as sourceOf, takeSource } from '../support/source-files.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const shardPaths = (id: number): string[] => [
  `influxdb/shards/${id}/BUCKET/autogen/${id}/000000001-000000001.tsm`,
  `influxdb/shards/${id}/shard.json`,
];
const SHARDS = [1, 2, 3].flatMap(shardPaths);
const METADATA = ['influxdb/metadata/kv', 'influxdb/metadata/sql'];

async function server(kind: string, context: TestContext): Promise<{ url: string; tokens: Record<Asker, string> }> {
  if (kind === 'real') {
    requireInfluxd(context);
    const { url } = await startInfluxd();
    return { url, tokens: await fill(url) };
  }
  const { url } = await scriptedServer(replay(recorded()));
  return { url, tokens: { operator: 'operator', reader: 'reader', stranger: 'stranger' } };
}

describe.each(['recorded', 'real'])('a %s InfluxDB 2.9', (kind) => {
  test('metadata, buckets, shards and a summary are there, each whole', async (context) => {
    const { url, tokens } = await server(kind, context);
    const taken = await takeSource(sourceOf(url, tokens.operator));
    expect(shapes(taken)).toEqual([...METADATA, 'influxdb/buckets.json', ...SHARDS, 'influxdb/summary.json']);
    const json = (name: string) => JSON.parse((taken.files.get(`influxdb/${name}`) ?? '').toString());
    const names = (json('buckets.json') as { bucketName: string }[]).map(({ bucketName }) => bucketName);
    expect(names.sort()).toEqual(['_monitoring', '_tasks', 'energy', 'other']);
    const { version, buckets } = json('summary.json') as { version: string; buckets: Record<string, unknown>[] };
    expect(version).toMatch(/^2\.\d+\.\d+$/);
    expect(buckets.find(({ bucket }) => bucket === 'energy')).toMatchObject({
      org: 'home',
      retentionS: 0,
      listed: 3,
      shards: 3,
      files: 3,
    });
    const manifest = decodeShardManifest(taken.files.get('influxdb/shards/2/shard.json') ?? Buffer.alloc(0));
    const [file] = manifest.files;
    expect(manifest.files).toHaveLength(1);
    expect(file).toMatchObject({ name: file?.path, type: 'file', mode: 0o644 });
    expect(taken.files.get(`influxdb/shards/2/${file?.path}`)).toHaveLength(file?.size ?? 0);
  });

  test('metadata that are not wanted are not there', async (context) => {
    const { url, tokens } = await server(kind, context);
    const taken = await takeSource(sourceOf(url, tokens.operator, { includeMetadata: false }));
    expect(shapes(taken)).toEqual(['influxdb/buckets.json', ...SHARDS, 'influxdb/summary.json']);
    const all = Buffer.concat([...taken.files.values()]).toString('latin1');
    expect(all).not.toContain(tokens.operator);
    expect(all).not.toContain('SQLite format');
  });

  test.for(['reader', 'stranger'] as const)('the token of a %s is refused with a sentence', async (asker, context) => {
    const { url, tokens } = await server(kind, context);
    const failure = takeSource(sourceOf(url, tokens[asker]));
    await expect(failure).rejects.toMatchObject({ code: 'permission', retryable: false });
    await expect(failure).rejects.toMatchObject({ hint: expect.stringContaining('influxdb-operator.token') });
  });
});

/** The recording, with some answers changed. */
async function changed(change: (answer: ScriptedAnswer, path: string, number: number) => ScriptedAnswer | undefined) {
  const answers = replay(recorded());
  const counts = new Map<string, number>();
  const { url } = await scriptedServer((path, incoming) => {
    const number = counts.get(path) ?? 0;
    counts.set(path, number + 1);
    return change(answers(path, incoming), path, number);
  });
  return url;
}

const METADATA_PATH = '/api/v2/backup/metadata';
const shardPath = (id: number) => `/api/v2/backup/shards/${id}`;
const bodyOf = (path: string): Buffer => {
  const found = recorded().find((one: Exchange) => one.path === path);
  return gunzipSync(Buffer.from(found?.body ?? '', 'base64'));
};
const isPlain = ({ headers = {} }: ScriptedAnswer): Record<string, string> => {
  const { 'content-encoding': _packed, ...rest } = headers;
  return rest;
};

describe.each([
  ['shard 2', shardPath(2)],
  ['metadata', METADATA_PATH],
])('%s', (what, path) => {
  test.each([
    ['packed, in chunks', true, true],
    ['packed, with its length', true, false],
    ['in chunks', false, true],
    ['with its length', false, false],
  ])('cut off anywhere, %s, is found and named', async (_how, packed, chunked) => {
    const body = bodyOf(path);
    let cutAt = 0;
    const url = await changed((answer, asked) => {
      if (asked !== path) return answer;
      return packed ? { ...answer, chunked, cutAt } : { ...answer, headers: isPlain(answer), body, chunked, cutAt };
    });
    const length = packed
      ? Buffer.from(recorded().find((one) => one.path === path)?.body ?? '', 'base64').length
      : body.length;
    const step = Math.ceil(length / 60);
    for (cutAt = 0; cutAt < length; cutAt += step) {
      const failure: unknown = await takeSource(sourceOf(url, 'operator')).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure, `cut at ${cutAt}`).toBeInstanceOf(AgentError);
      expect(failure).toMatchObject({ retryable: true, message: expect.stringContaining(what) });
    }
  });

  test('that ends too early without HTTP telling so is found', async () => {
    const body = bodyOf(path);
    let end = 0;
    const url = await changed((answer, asked) =>
      asked === path ? { ...answer, headers: isPlain(answer), body: body.subarray(0, end) } : answer,
    );
    const step = Math.ceil(body.length / 60);
    for (end = 0; end < body.length - 2; end += step) {
      await expect(takeSource(sourceOf(url, 'operator')), `${end}`).rejects.toMatchObject({ retryable: true });
    }
  });

  test.each([
    ['a server that is busy', { status: 503, body: '{"code":"unavailable","message":"starting"}' }],
    ['a broken connection', undefined],
    ['an answer that breaks off before anything was handed on', { body: Buffer.alloc(10), cutAt: 5, headers: {} }],
    ['a page', { body: '<html>'.repeat(100_000), headers: { 'content-type': 'text/html' } }],
  ] as const)('is asked for again after %s', async (_what, fault) => {
    const url = await changed((answer, asked, number) => (asked === path && number < 2 ? fault : answer));
    const taken = await takeSource(sourceOf(url, 'operator', { patienceMs: 20_000 }));
    expect(shapes(taken)).toHaveLength(METADATA.length + SHARDS.length + 2);
  });

  test('that hangs is given up', async () => {
    const url = await changed((answer, asked) => (asked === path ? { ...answer, hangAt: 20 } : answer));
    const failure = takeSource(sourceOf(url, 'operator', { timeoutMs: 100 }));
    await expect(failure).rejects.toMatchObject({
      retryable: true,
      message: expect.stringContaining('nothing came for 0.1 s'),
    });
  });

  test('that comes slowly is waited for', async () => {
    const bytes = path === METADATA_PATH ? 80 : 3;
    const url = await changed((answer, asked) =>
      asked === path ? { ...answer, drip: { bytes, everyMs: 15 } } : answer,
    );
    const taken = await takeSource(sourceOf(url, 'operator', { timeoutMs: 1200 }));
    expect(shapes(taken)).toHaveLength(METADATA.length + SHARDS.length + 2);
  });
});

test('what breaks off in the middle is retryable, and all files come when asked for again', async () => {
  const body = bodyOf(METADATA_PATH);
  const url = await changed((answer, asked, number) =>
    asked === METADATA_PATH && number === 0 ? { ...answer, headers: isPlain(answer), body, cutAt: 100_000 } : answer,
  );
  const source = sourceOf(url, 'operator', { patienceMs: 20_000 });
  await expect(takeSource(source)).rejects.toMatchObject({ retryable: true });
  expect(shapes(await takeSource(source))).toContain('influxdb/metadata/sql');
});

test('an error of the server within the tar is found, named and told', async () => {
  const body = bodyOf(shardPath(3));
  const said = '{"code":"internal error","message":"An internal error has occurred - check server logs"}';
  const url = await changed((answer, asked) =>
    asked === shardPath(3)
      ? { ...answer, headers: isPlain(answer), body: Buffer.concat([body, Buffer.from(said)]) }
      : answer,
  );
  await expect(takeSource(sourceOf(url, 'operator'))).rejects.toThrow(/^shard 3 of .*An internal error has occurred/);
});

test.each([
  ['its beginning', 512],
  ['its end', 512 + 220],
])('a TSM file that is damaged at %s is found', async (_where, at) => {
  const body = bodyOf(shardPath(1));
  expect(body.toString('latin1', 124, 135)).toBe((228).toString(8).padStart(11, '0'));
  body[at] = (body[at] ?? 0) ^ 0xff;
  const url = await changed((answer, asked) =>
    asked === shardPath(1) ? { ...answer, headers: isPlain(answer), body } : answer,
  );
  await expect(takeSource(sourceOf(url, 'operator'))).rejects.toMatchObject({
    code: 'storage',
    retryable: false,
    message: expect.stringMatching(/^shard 1 of .*000000001-000000001\.tsm is no whole TSM file/),
  });
});

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

test.each<[string, ScriptedAnswer, string]>([
  ['a page', { body: '<html>router</html>', headers: { 'content-type': 'text/html' } }, 'is no InfluxDB 2'],
  ['nothing of that name', { status: 404, body: 'not found' }, 'is no InfluxDB 2'],
  ['InfluxDB 1.8', { body: '{"name":"influxdb","version":"1.8.10"}', headers: JSON_TYPE }, 'is an InfluxDB 1.8.10'],
  ['InfluxDB 3', { body: 'OK' }, 'is no InfluxDB 2'],
  ['a proxy that wants a password', { status: 407, body: '<html>' }, 'answers 407'],
])('%s is no InfluxDB 2: a sentence and a hint', async (_what, answer, message) => {
  const url = await changed(() => answer);
  await expect(takeSource(sourceOf(url, 'operator'))).rejects.toMatchObject({
    message: expect.stringContaining(message),
    hint: expect.stringContaining('URL'),
  });
});

test.each([
  shardPath(2),
  METADATA_PATH,
])('a page of a proxy instead of %s is no answer, whatever its status', async (path) => {
  for (const status of [200, 404, 502]) {
    const page = { status, body: '<html>sorry</html>', headers: { 'content-type': 'text/html' } };
    const url = await changed((answer, asked) => (asked === path ? page : answer));
    await expect(takeSource(sourceOf(url, 'operator')), `${status}`).rejects.toBeInstanceOf(AgentError);
  }
});

test.each([
  'no JSON',
  '{}',
  '[{"bucketName":"energy"}]',
  '[null]',
])('a list of buckets that is %s is refused', async (list) => {
  const whole = bodyOf(METADATA_PATH).toString('latin1');
  const at = whole.lastIndexOf('[{"organizationID"');
  const body = `${whole.slice(0, at)}${list}${whole.slice(whole.indexOf('\n', at))}`;
  const url = await changed((answer, asked) =>
    asked === METADATA_PATH ? { ...answer, headers: isPlain(answer), body: Buffer.from(body, 'latin1') } : answer,
  );
  await expect(takeSource(sourceOf(url, 'operator'))).rejects.toThrow('the list of buckets');
});

test('a shard that is gone when it is asked for is left out; one that was there before is kept, and said', async () => {
  let gone = true;
  const missing = { status: 404, body: '{"code":"not found","message":"shard 2 not found"}', headers: JSON_TYPE };
  const url = await changed((answer, asked) => (gone && asked.startsWith(shardPath(2)) ? missing : answer));
  const { log, lines } = recordingLog();
  const source = sourceOf(url, 'operator', { log });
  expect(shapes(await takeSource(source)).filter((path) => path.includes('/shards/2/'))).toEqual([]);
  expect(lines.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  gone = false;
  const whole = await takeSource(source);
  gone = true;
  const kept = await takeSource(source, whole);
  expect(shapes(kept)).toEqual(shapes(whole));
  expect(lines.filter(({ level }) => Number(level) >= 40)).toMatchObject([{ shard: 2 }]);
});

test('a snapshot in which nothing is new sends nothing but its manifest', async () => {
  const { url } = await scriptedServer(replay(recorded()));
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, [FIRST_S]);
  const store = await DirectoryStore.open(temporaryDirectory());
  const run = () => backUp(stateDir, store, { sources: [sourceOf(url, 'operator')] });
  const first = await run();
  expect(first).toMatchObject({ verified: true, missing: [] });
  expect(await run()).toMatchObject({ verified: true, missing: [], sentObjects: 0, bytes: first.bytes });
});

test('a server that cannot be read leaves a snapshot without it, which says so', async () => {
  const url = await changed((answer, asked) => (asked === shardPath(2) ? { ...answer, cutAt: 100 } : answer));
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, [FIRST_S]);
  const store = await DirectoryStore.open(temporaryDirectory());
  const result = await backUp(stateDir, store, { sources: [sourceOf(url, 'operator')] });
  expect(result.missing).toMatchObject([{ source: 'influxdb', reason: expect.stringContaining('shard 2') }]);
  const files = await contents(await openRepository(store), result.name);
  expect([...files.keys()].filter((path) => path.startsWith('influxdb/'))).toEqual([]);
});

test('a source that is stopped ends with the reason, also while it waits for the server', async () => {
  const url = await changed(() => ({ status: 503 }));
  const stop = new AbortController();
  const reason = new Error('stopped');
  const failure = takeSource(sourceOf(url, 'operator', { patienceMs: 60_000, signal: stop.signal }));
  setTimeout(() => stop.abort(reason), 100);
  await expect(failure).rejects.toBe(reason);
});
