import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { victoriaMetricsSource } from '../../../agent/backup/sources/victoria-metrics.ts';
import { AgentError } from '../../../agent/system/errors.ts';
import { type Fault, FaultProxy, nonsensePort } from '../../support/fault-proxy.ts';
import { freePort } from '../../support/free-port.ts';
import { requireProgram } from '../../support/requires.ts';
import { type Taken, take } from '../../support/taken-source.ts';
import { VictoriaMetrics } from '../../support/victoria-metrics.ts';

const DAY_MS = 86_400_000;
/** Ten minutes after a full hour. */
const NOW_MS = Date.UTC(2026, 2, 20, 14, 10);
const TODAY_MS = Date.UTC(2026, 2, 20);

beforeEach((context) => requireProgram(context, 'victoria-metrics'));

function source(url: string, options: { nowMs?: number; token?: string; timeoutMs?: number } = {}) {
  const { nowMs = NOW_MS, token, timeoutMs = 20_000 } = options;
  return victoriaMetricsSource({
    name: 'victoriametrics',
    address: { url, token },
    measurements: ['energy', 'host'],
    timeoutMs,
    nowMs,
  });
}

async function write(url: string, lines: string[]): Promise<void> {
  const response = await fetch(`${url}/api/v2/write?precision=ms`, { method: 'POST', body: lines.join('\n') });
  expect(response.status).toBe(204);
  await (await fetch(`${url}/internal/force_flush`)).arrayBuffer();
}

/** Lines as the forwarding writes them, one a minute; values that need all their digits. */
function readings(fromMs: number, count: number, meter = 'house'): string[] {
  return Array.from({ length: count }, (_, i) => {
    const timeMs = fromMs + i * 60_000;
    const values = `voltage=${230 + (i % 70) / 10},active_power=${(i * 7919) % 5000},active_energy=${(1000.01 + i / 100).toFixed(2)}`;
    return `energy,meter=${meter},model=we-515 ${values} ${timeMs}`;
  });
}

/** Two months, with days that are old, fresh and young, and a machine's metrics. */
const HISTORY = [
  ...readings(Date.UTC(2026, 0, 30), 3 * 1440),
  ...readings(Date.UTC(2026, 1, 10, 23, 30), 60),
  ...readings(TODAY_MS - 3 * DAY_MS, 100),
  ...readings(TODAY_MS - DAY_MS, 130, 'garage'),
  ...readings(TODAY_MS + 12 * 3_600_000, 130),
  `host,host=pi,model=Raspberry\\ Pi\\ 4 load_1m=0.25,uptime_seconds=12345 ${TODAY_MS}`,
];

async function server(flags?: string[]): Promise<VictoriaMetrics> {
  const started = await VictoriaMetrics.start(undefined, flags);
  await write(started.url, HISTORY);
  return started;
}

async function importInto(url: string, { files }: Taken): Promise<void> {
  for (const [path, { content }] of files) {
    if (path.endsWith('.json')) continue;
    const response = await fetch(`${url}/api/v1/import`, { method: 'POST', body: content.toString() });
    expect(response.status).toBe(204);
  }
}

const text = ({ files }: Taken) => [...files].map(([path, { content }]) => `${path}\n${content}`).join('');
/** Short, so that a difference is readable. */
const digests = ({ files }: Taken) =>
  [...files].map(([path, { content }]) => `${path} ${createHash('sha256').update(content).digest('hex').slice(0, 16)}`);
const daysOf = (paths: string[]) => paths.filter((path) => !path.endsWith('.json'));
const failure = (promise: Promise<unknown>): Promise<AgentError> =>
  promise.then(
    () => expect.unreachable(),
    (error: unknown) => {
      expect(error).toBeInstanceOf(AgentError);
      return error as AgentError;
    },
  );

test('what was taken, imported into an empty server, is all of it', async () => {
  const from = await server();
  const into = await VictoriaMetrics.start();
  const taken = await take(source(from.url));
  await importInto(into.url, taken);
  const points = await from.points();
  expect(points.size).toBe((3 * 1440 + 60 + 100 + 130 + 130) * 3 + 2);
  expect(await into.points()).toEqual(points);
});

test('old days are one file each, those of today and yesterday one for each hour', async () => {
  const { url } = await server();
  const { files } = await take(source(url));
  expect([...files.keys()]).toEqual([
    'victoriametrics/2026-01-30',
    'victoriametrics/2026-01-31',
    'victoriametrics/2026-02-01',
    'victoriametrics/2026-02-10',
    'victoriametrics/2026-02-11',
    'victoriametrics/2026-03-17',
    'victoriametrics/2026-03-19T00',
    'victoriametrics/2026-03-19T01',
    'victoriametrics/2026-03-19T02',
    'victoriametrics/2026-03-20T00',
    'victoriametrics/2026-03-20T12',
    'victoriametrics/2026-03-20T13',
    'victoriametrics/2026-03-20T14',
    'victoriametrics/state.json',
  ]);
  const first = files.get('victoriametrics/2026-02-10')?.content.toString().split('\n')[0] ?? '';
  expect(JSON.parse(first)).toMatchObject({
    metric: { __name__: 'energy_active_energy', meter: 'house', model: 'we-515' },
    timestamps: expect.arrayContaining([Date.UTC(2026, 1, 10, 23, 30)]) as number[],
  });
});

test('two backups of unchanged data are the same to the byte, also after a restart of the server', async () => {
  const vm = await server();
  const first = await take(source(vm.url));
  await vm.end();
  await vm.start();
  expect(digests(await take(source(vm.url)))).toEqual(digests(first));
});

test('samples that were sent twice are taken once, also from a server that keeps both', async () => {
  const vm = await server([]);
  const first = await take(source(vm.url));
  await write(vm.url, HISTORY);
  await write(vm.url, HISTORY.slice(0, 500));
  expect(digests(await take(source(vm.url)))).toEqual(digests(first));
});

test('metrics of others are not taken', async () => {
  const { url } = await server();
  const first = await take(source(url));
  await write(url, [
    `energyx,meter=house voltage=1 ${TODAY_MS - 3 * DAY_MS}`,
    `my_energy,meter=house voltage=1 ${TODAY_MS}`,
    `hosts,host=pi load=1 ${TODAY_MS}`,
  ]);
  expect(digests(await take(source(url)))).toEqual(digests(first));
});

test('names of measurements are taken as they are written', async () => {
  const vm = await VictoriaMetrics.start();
  const names = ['my.meter', 'my+meter', 'back\\slash', 'quo"te', 'Zähler', 'a|b', '(c)'];
  const others = ['myxmeter', 'mymeter', 'a', 'b', 'c', 'backslash'];
  const line = (name: string) => `${name},meter=house voltage=1 ${TODAY_MS}`;
  await write(vm.url, [...names, ...others].map(line));
  const taken = await take(
    victoriaMetricsSource({
      name: 'victoriametrics',
      address: { url: vm.url },
      measurements: names,
      timeoutMs: 20_000,
      nowMs: NOW_MS,
    }),
  );
  const found = taken.files
    .get('victoriametrics/2026-03-20T00')
    ?.content.toString()
    .trimEnd()
    .split('\n')
    .map((text) => (JSON.parse(text) as { metric: { __name__: string } }).metric.__name__);
  expect(found?.sort()).toEqual(names.map((name) => `${name}_voltage`).sort());
});

test('unchanged days and hours are not exported again, and a late sample into a fresh day is', async () => {
  const { url } = await server();
  const proxy = await FaultProxy.start(url);
  let exports = 0;
  proxy.faultFor = (path) => {
    if (path.startsWith('/api/v1/export')) exports++;
    return undefined;
  };
  const first = await take(source(proxy.url));
  expect(exports).toBeGreaterThan(0);
  exports = 0;
  const second = await take(source(proxy.url), first);
  expect(exports).toBe(0);
  expect(digests(second)).toEqual(digests(first));

  await write(url, [`energy,meter=house,model=we-515 voltage=231.5 ${TODAY_MS - 3 * DAY_MS + 500}`]);
  const third = await take(source(proxy.url), second);
  expect(daysOf(third.read)).toEqual(['victoriametrics/2026-03-17']);
  expect(third.files.get('victoriametrics/2026-03-17')?.content.toString()).toContain('231.5');
});

test('a late sample into an old month is noticed when its turn comes, at the latest after as many runs as there are months', async () => {
  const { url } = await server();
  let taken = await take(source(url));
  await write(url, [`energy,meter=house,model=we-515 voltage=231.5 ${Date.UTC(2026, 1, 10, 23, 30) + 500}`]);
  const read: string[] = [];
  for (let run = 0; run < 3; run++) {
    taken = await take(source(url), taken);
    read.push(...daysOf(taken.read));
  }
  expect(read).toEqual(['victoriametrics/2026-02-10']);
});

test('a value that was replaced is noticed although the number of samples is the same', async () => {
  const { url } = await server();
  const first = await take(source(url));
  // Of two values of one time the larger one stays (VictoriaMetrics, deduplication).
  await write(url, [`energy,meter=house,model=we-515 voltage=999.5 ${TODAY_MS - 3 * DAY_MS}`]);
  expect((await take(source(url), first)).read).toContain('victoriametrics/2026-03-17');
});

test('days that have become old, or are not whole in the repository any more, are in the backup nevertheless', async () => {
  const { url } = await server();
  const first = await take(source(url));
  const nowMs = NOW_MS + 20 * DAY_MS;
  const later = await take(source(url, { nowMs }), first);
  expect([...later.files.keys()].slice(5)).toEqual([
    'victoriametrics/2026-03-17',
    'victoriametrics/2026-03-19',
    'victoriametrics/2026-03-20',
    'victoriametrics/state.json',
  ]);
  const damaged: Taken = { files: new Map(later.files), read: [] };
  damaged.files.delete('victoriametrics/2026-01-31');
  damaged.files.delete('victoriametrics/2026-03-19');
  const mended = await take(source(url, { nowMs }), damaged);
  expect(daysOf(mended.read)).toEqual(['victoriametrics/2026-01-31', 'victoriametrics/2026-03-19']);
  expect(digests(mended)).toEqual(digests(later));
});

test('what was remembered of another server is not believed', async () => {
  const { url } = await server();
  const first = await take(source(url));
  const other = await VictoriaMetrics.start();
  await write(other.url, readings(Date.UTC(2026, 0, 31), 10, 'other'));
  const { files } = await take(source(other.url), first);
  expect([...files.keys()]).toEqual(['victoriametrics/2026-01-31', 'victoriametrics/state.json']);
});

test('a clock that is years behind leaves nothing out', async () => {
  const { url } = await server();
  const first = await take(source(url));
  const behind = await take(source(url, { nowMs: Date.UTC(2020, 0, 1) }), first);
  const lines = (taken: Taken) =>
    [...taken.files].filter(([path]) => !path.endsWith('.json')).map(([, { content }]) => content.toString());
  expect(lines(behind).join('')).toBe(lines(first).join(''));
});

test('an hour with more samples than are held at once is taken in parts, with nothing twice', async () => {
  const vm = await VictoriaMetrics.start();
  const lines = Array.from({ length: 30_000 }, (_, i) => `energy,meter=house voltage=${i} ${TODAY_MS + i * 100}`);
  await write(vm.url, lines);
  const { files } = await take(source(vm.url));
  const content = files.get('victoriametrics/2026-03-20T00')?.content.toString() ?? '';
  const values = content
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { values: number[] }).values);
  expect(values.length).toBe(3);
  expect(values.flat()).toEqual(Array.from({ length: 30_000 }, (_, i) => i));
});

test('what has just been written is taken', async () => {
  const vm = await VictoriaMetrics.start();
  const nowMs = Date.now();
  await write(vm.url, [`energy,meter=house voltage=230.5 ${nowMs - 1000}`]);
  expect(text(await take(source(vm.url, { nowMs })))).toContain('230.5');
});

test('an empty server gives an empty backup', async () => {
  const { url } = await VictoriaMetrics.start();
  expect([...(await take(source(url))).files.keys()]).toEqual(['victoriametrics/state.json']);
});

describe('an export that fails', () => {
  const BROKEN: [string, Fault][] = [
    ['is cut at a line', { kind: 'cut-reply', at: 'line' }],
    ['is cut amid a line', { kind: 'cut-reply', at: 'middle' }],
    ['ends with its connection', { kind: 'half-reply' }],
    ['gets no reply', { kind: 'reply-lost' }],
    ['is reset', { kind: 'reset' }],
    ['hangs', { kind: 'hang' }],
    ['is refused for being busy', { kind: 'answer', status: 503, body: 'too busy' }],
    ['exceeds its time', { kind: 'answer', status: 422, body: 'timeout exceeded during query execution' }],
    [
      'has an error of the server amid its lines',
      { kind: 'answer', status: 200, body: 'error: cannot read the block\n' },
    ],
  ];
  test.each(BROKEN)('because it %s is no backup, and may be tried again', async (_name, fault) => {
    const { url } = await server();
    const proxy = await FaultProxy.start(url);
    let exports = 0;
    proxy.faultFor = (path) => (path.startsWith('/api/v1/export') && exports++ === 3 ? fault : undefined);
    const timeoutMs = fault.kind === 'hang' ? 1000 : 20_000;
    const error = await failure(take(source(proxy.url, { timeoutMs })));
    expect(error).toMatchObject({ code: 'unavailable', retryable: true });
    expect(error.hint).toBeTruthy();
    const again = await take(source(proxy.url));
    expect(digests(again).slice(0, -1)).toEqual(digests(await take(source(url))).slice(0, -1));
  });
});

test('a server that is killed while it is read, and started again', async () => {
  const vm = await server();
  const iterator = source(vm.url).files(new Map());
  let failed: unknown;
  let files = 0;
  try {
    for await (const { content } of iterator) {
      if (files++ === 2) await vm.end('SIGKILL');
      for await (const _ of content);
    }
  } catch (error) {
    failed = error;
  }
  expect(failed).toMatchObject({ code: 'unavailable', retryable: true });
  await vm.start();
  // What it held in memory alone is lost, until the forwarding sends it again.
  await write(vm.url, HISTORY);
  expect((await take(source(vm.url))).files.size).toBe(14);
});

test('a server that is not there, or is no VictoriaMetrics', async () => {
  const { url } = await VictoriaMetrics.start();
  const proxy = await FaultProxy.start(url);
  proxy.faultFor = () => ({
    kind: 'answer',
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<html>please log in</html>',
  });
  expect(await failure(take(source(proxy.url)))).toMatchObject({ code: 'config', retryable: false });
  proxy.faultFor = () => ({ kind: 'answer', status: 404, body: '404 page not found' });
  expect(await failure(take(source(proxy.url)))).toMatchObject({ code: 'unavailable', retryable: false });
  const away = await failure(take(source(`http://127.0.0.1:${await freePort()}`)));
  expect(away).toMatchObject({ code: 'unavailable', retryable: true });
  expect(away.hint).toContain('nothing listens there');
  const nonsense = await failure(take(source(`http://127.0.0.1:${await nonsensePort()}`)));
  expect(nonsense).toMatchObject({ code: 'unavailable', retryable: true });
});

test('the token goes as with forwarding, and never into a message', async () => {
  const { url } = await VictoriaMetrics.start();
  const proxy = await FaultProxy.start(url);
  proxy.faultFor = () => ({ kind: 'answer', status: 401, body: 'Unauthorized' });
  const error = await failure(take(source(proxy.url, { token: 'my-secret-token' })));
  expect(error).toMatchObject({ code: 'permission', retryable: false });
  expect(`${error.message} ${error.hint}`).not.toContain('my-secret-token');
});
