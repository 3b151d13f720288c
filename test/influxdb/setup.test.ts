import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SetupOptions } from '../../agent/influxdb/setup/options.ts';
import { finished } from '../support/child.ts';
import { FaultProxy, nonsensePort } from '../support/fault-proxy.ts';
import { api, optionsFor, runSetup } from '../support/influx-setup.ts';
import { flux, requireInfluxd, setUp, startInfluxd } from '../support/influxd.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';
import { done, fakeServer, V1 } from './fake-server.ts';

const BUCKETS = ['energy', 'energy_15m', 'energy_1m', 'host'];
const TASKS = [
  'energy-monitor energy late',
  'energy-monitor energy mend',
  'energy-monitor energy old',
  'energy-monitor energy_15m',
  'energy-monitor energy_1m',
];

const secretOf = (path: string) => readFileSync(path, 'utf8').trim();

interface State {
  buckets: { name: string; retentionRules: { everySeconds: number; shardGroupDurationSeconds: number }[] }[];
  tasks: string[];
  tokens: string[];
}

/** What the operator sees of an organisation. */
async function stateOf(url: string, token: string, org = 'home'): Promise<State> {
  const at = { url, token };
  const get = async <T>(path: string) => (await api<T>(at, 'GET', path)).body;
  const { buckets } = await get<{ buckets?: (State['buckets'][number] & { type: string })[] }>(
    `/api/v2/buckets?org=${org}&limit=100`,
  );
  const { tasks } = await get<{ tasks?: { name: string }[] }>(`/api/v2/tasks?org=${org}&limit=100`);
  const { authorizations } = await get<{ authorizations?: { description: string }[] }>(
    `/api/v2/authorizations?org=${org}`,
  );
  return {
    buckets: (buckets ?? [])
      .filter(({ type }) => type === 'user')
      .map(({ name, retentionRules }) => ({ name, retentionRules }))
      .sort((a, b) => a.name.localeCompare(b.name)),
    tasks: (tasks ?? []).map(({ name }) => name).sort(),
    tokens: (authorizations ?? [])
      .map(({ description }) => description)
      .filter((text) => text.startsWith('energy-monitor'))
      .sort(),
  };
}

/** Everything is there, once, and a run finds nothing to do. */
async function expectRight(options: SetupOptions, url: string): Promise<void> {
  const state = await stateOf(url, secretOf(options.files.operator), options.org);
  expect(state.buckets.map(({ name }) => name)).toEqual([...BUCKETS].sort((a, b) => a.localeCompare(b)));
  expect(state.tasks).toEqual(TASKS);
  expect(state.tokens).toEqual([
    `energy-monitor reader pi:${options.files.reader}`,
    `energy-monitor writer pi:${options.files.writer}`,
  ]);
  const { lines, error } = await runSetup({ ...options, address: { url } });
  expect(error).toBeUndefined();
  expect(lines).toContain('nothing to do: all 18 items are there');
}

test('an empty InfluxDB becomes complete; a dry run before changes nothing, a second run finds nothing to do', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const directory = join(temporaryDirectory(), 'new');
  const options = optionsFor(url, directory);

  const dry = await runSetup({ ...options, dryRun: true });
  expect(dry.error).toBeUndefined();
  expect(dry.lines).toContain('bucket energy: would be created, kept for ever, shards of 28 days');
  expect(existsSync(directory)).toBe(false);
  expect((await api<{ allowed: boolean }>({ url, token: '' }, 'GET', '/api/v2/setup')).body.allowed).toBe(true);

  const first = await runSetup(options);
  expect(first.error).toBeUndefined();
  expect(first.lines.slice(0, 11)).toEqual([
    expect.stringMatching(/^server: InfluxDB 2\.\d+\.\d+ at http/),
    `first setup: made user admin, password in ${options.files.adminPassword}`,
    `operator token: in ${options.files.operator}, for backups alone`,
    'organisation home: there already',
    'bucket energy: there already; got new shards of 28 days instead of 7 days',
    'bucket energy_1m: created, kept for ever, shards of 364 days',
    'bucket energy_15m: created, kept for ever, shards of 364 days',
    'bucket host: created, kept for 364 days, shards of 28 days',
    `writer token: in ${options.files.writer}, writes energy, host`,
    `reader token: in ${options.files.reader}, reads energy, energy_1m, energy_15m, host`,
    'task energy-monitor energy_1m: created, rolls up the last windows of energy',
  ]);
  expect(first.lines.at(-1)).toContain(`tokenFile: ${options.files.writer}`);
  const secrets = readdirSync(directory);
  expect(secrets.sort()).toEqual([
    'influxdb-admin.password',
    'influxdb-operator.token',
    'influxdb-reader.token',
    'influxdb.token',
  ]);
  for (const name of secrets) {
    expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o600);
    expect(first.lines.join('\n'), name).not.toContain(secretOf(join(directory, name)));
  }
  await expectRight(options, url);
  expect(
    (await stateOf(url, secretOf(options.files.operator))).buckets.map(({ retentionRules }) => retentionRules[0]),
  ).toMatchObject([
    { everySeconds: 0, shardGroupDurationSeconds: 28 * 86_400 },
    { everySeconds: 0, shardGroupDurationSeconds: 364 * 86_400 },
    { everySeconds: 0, shardGroupDurationSeconds: 364 * 86_400 },
    { everySeconds: 364 * 86_400, shardGroupDurationSeconds: 28 * 86_400 },
  ]);
});

test('each token may do what it is for, and nothing else', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const options = optionsFor(url, temporaryDirectory());
  await runSetup(options);
  const operator = { url, token: secretOf(options.files.operator), org: 'home' };
  const writer = { url, token: secretOf(options.files.writer), org: 'home' };
  const reader = { url, token: secretOf(options.files.reader), org: 'home' };
  const write = (token: string, bucket: string) =>
    api(
      { url, token },
      'POST',
      `/api/v2/write?org=home&bucket=${bucket}&precision=s`,
      'energy,meter=house voltage=230 1800000000',
    );
  const query = async (token: string, bucket: string) =>
    (
      await flux(
        { url, token, org: 'home' },
        `from(bucket: "${bucket}") |> range(start: 0, stop: 2100-01-01T00:00:00Z)`,
      )
    ).length;

  for (const bucket of ['energy', 'host']) expect((await write(writer.token, bucket)).status, bucket).toBe(204);
  for (const bucket of ['energy_1m', 'energy_15m', '_tasks'])
    expect((await write(writer.token, bucket)).status, bucket).toBe(403);
  for (const bucket of BUCKETS) {
    expect((await write(reader.token, bucket)).status, bucket).toBe(403);
    await write(operator.token, bucket);
    expect(await query(reader.token, bucket), bucket).toBe(1);
    await expect(query(writer.token, bucket), bucket).rejects.toThrow(/could not find bucket|unauthorized/);
    const influxql = await api<{ results: unknown[] }>(
      reader,
      'GET',
      `/query?db=${bucket}&q=SELECT+voltage+FROM+energy`,
    );
    expect(JSON.stringify(influxql.body), bucket).toContain('230');
  }
  const deletion = { start: '2000-01-01T00:00:00Z', stop: '2100-01-01T00:00:00Z' };
  for (const bucket of ['energy_1m', 'energy_15m'])
    expect((await api(writer, 'POST', `/api/v2/delete?org=home&bucket=${bucket}`, deletion)).status).toBe(403);
  for (const bucket of BUCKETS)
    expect((await api(reader, 'POST', `/api/v2/delete?org=home&bucket=${bucket}`, deletion)).status).toBe(403);
  for (const access of [writer, reader]) {
    expect(
      (await api<{ authorizations: unknown[] }>(access, 'GET', '/api/v2/authorizations')).body.authorizations,
    ).toEqual([]);
    expect((await api(access, 'GET', '/api/v2/backup/metadata')).status).toBe(401);
  }
});

test.for(['reset', 'reply-lost'] as const)(
  'broken off at any request (%s), the next run goes on to the same end',
  { timeout: 300_000 },
  async (kind, context) => {
    requireInfluxd(context);
    const influxd = await startInfluxd();
    const proxy = await FaultProxy.start(influxd.url);
    const attempt = async (options: SetupOptions, n: number) => {
      const begin = proxy.requests;
      proxy.faultFor = (_path, number) => (number === begin + n ? { kind } : undefined);
      const { error } = await runSetup({ ...options, address: { url: proxy.url } });
      proxy.faultFor = () => undefined;
      expect(proxy.requests - begin > n, `request ${n}`).toBe(error !== undefined);
      if (error) expect(error.message).toMatch(/^the server at .* cannot be asked: /);
      return error !== undefined;
    };

    // The first setup, until its operator token is known to work.
    for (let n = 0; n < 5; n++) {
      const options = optionsFor(influxd.url, temporaryDirectory());
      expect(await attempt(options, n)).toBe(true);
      expect((await runSetup(options)).error, `request ${n}`).toBeUndefined();
      await expectRight(options, influxd.url);
      await influxd.wipe();
      await influxd.start();
    }
    // All that follows, in an organisation of its own each time.
    const { token } = await setUp(influxd.url);
    for (let n = 0, broken = true; broken; n++) {
      const options = optionsFor(influxd.url, temporaryDirectory(), { org: `org-${n}` });
      writeFileSync(options.files.operator, `${token}\n`, { mode: 0o600 });
      broken = await attempt(options, n);
      expect((await runSetup(options)).error, `request ${n}`).toBeUndefined();
      await expectRight(options, influxd.url);
      const { body } = await api<{ orgs: { id: string }[] }>(
        { url: influxd.url, token },
        'GET',
        `/api/v2/orgs?org=org-${n}`,
      );
      await api({ url: influxd.url, token }, 'DELETE', `/api/v2/orgs/${body.orgs[0]?.id}`);
    }
  },
);

test('what people have chosen is kept, and said', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const { token } = await setUp(url);
  const options = optionsFor(url, temporaryDirectory());
  writeFileSync(options.files.operator, token, { mode: 0o600 });
  const at = { url, token };
  const { orgs } = (await api<{ orgs: { id: string }[] }>(at, 'GET', '/api/v2/orgs')).body;
  const rules = [{ type: 'expire', everySeconds: 30 * 86_400, shardGroupDurationSeconds: 86_400 }];
  await api(at, 'POST', '/api/v2/buckets', { orgID: orgs[0]?.id, name: 'energy_1m', retentionRules: rules });
  await api(at, 'POST', '/api/v2/buckets', { orgID: orgs[0]?.id, name: 'other', retentionRules: [] });
  const other = (await api<{ buckets: { id: string }[] }>(at, 'GET', '/api/v2/buckets?name=other')).body.buckets[0];
  await api(at, 'POST', '/api/v2/dbrps', {
    orgID: orgs[0]?.id,
    bucketID: other?.id,
    database: 'host',
    retention_policy: 'autogen',
    default: true,
  });

  const { lines, error } = await runSetup(options);
  expect(error).toBeUndefined();
  expect(lines).toContain('bucket energy_1m: there already, kept for 30 days, shards of 1 day; left as it is');
  expect(lines).toContain('InfluxQL database host: there already, but shows another bucket than host; left as it is');
  const { tasks } = (await api<{ tasks: { id: string; name: string; flux: string }[] }>(at, 'GET', '/api/v2/tasks'))
    .body;
  const late = tasks.find(({ name }) => name.endsWith('late'));
  await api(at, 'PATCH', `/api/v2/tasks/${late?.id}`, { status: 'inactive' });
  await api(at, 'PATCH', `/api/v2/tasks/${tasks.find(({ name }) => name.endsWith('old'))?.id}`, {
    flux: 'option task = {name: "energy-monitor energy old", every: 1h}\nfrom(bucket: "energy") |> range(start: -1m)',
  });

  const second = await runSetup(options);
  expect(second.lines).toContain('task energy-monitor energy late: there already, but switched off; left as it is');
  expect(second.lines).toContain('task energy-monitor energy old: brought up to date');
  expect(second.lines).toContain('1 of 18 items changed');
});

test('a token that does not fit is only replaced when asked to', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const options = optionsFor(url, temporaryDirectory());
  await runSetup(options);
  const operator = secretOf(options.files.operator);
  writeFileSync(options.files.writer, 'stale\n');
  const refused = await runSetup(options);
  expect(refused.error?.exitCode).toBe(78);
  expect(refused.lines).toContain(
    `writer token: ${options.files.writer} holds another one, which does not fit this server; --replace puts a new one there`,
  );
  expect(secretOf(options.files.writer)).toBe('stale');

  writeFileSync(options.files.writer, operator);
  const wide = await runSetup(options);
  expect(wide.error).toBeUndefined();
  expect(wide.lines.find((line) => line.startsWith('writer'))).toContain('it may do more than it needs');

  expect((await runSetup({ ...options, replace: true })).error).toBeUndefined();
  expect(secretOf(options.files.writer)).not.toBe(operator);
  await expectRight(options, url);
});

test('without the operator token, and with one that may too little, it says what to do', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const first = optionsFor(url, temporaryDirectory());
  await runSetup(first);
  const token = secretOf(first.files.operator);

  const none = await runSetup(optionsFor(url, temporaryDirectory()));
  expect(none.error).toMatchObject({ exitCode: 77, message: expect.stringContaining('there is no operator token in') });
  expect(none.error?.hint).toContain('--operator-token-file');

  const withToken = async (text: string, given: Partial<SetupOptions> = {}) => {
    const options = optionsFor(url, temporaryDirectory(), given);
    writeFileSync(options.files.operator, text, { mode: 0o600 });
    return runSetup(options);
  };
  expect((await withToken('wrong')).error).toMatchObject({
    exitCode: 77,
    hint: expect.stringContaining('does not know this token'),
  });
  expect((await withToken(secretOf(first.files.reader))).error).toMatchObject({ exitCode: 77 });

  const { body } = await api<{ authorizations: { orgID: string; userID: string }[] }>(
    { url, token },
    'GET',
    '/api/v2/authorizations',
  );
  const { orgID, userID } = body.authorizations[0] ?? {};
  // What the server's own page gives to an all-access token, as far as it matters here.
  const resources = [
    ...['authorizations', 'buckets', 'tasks', 'dbrp'].map((type) => ({ type, orgID })),
    { type: 'orgs', id: orgID },
    { type: 'users', id: userID },
  ];
  const permissions = resources.flatMap((resource) => ['read', 'write'].map((action) => ({ action, resource })));
  const made = await api<{ token: string }>({ url, token }, 'POST', '/api/v2/authorizations', { orgID, permissions });
  const allAccess = await withToken(made.body.token);
  expect(allAccess.error).toBeUndefined();
  expect(allAccess.lines.find((line) => line.startsWith('operator'))).toContain(
    "is not the operator's: enough for this, not for backups",
  );
  expect((await withToken(made.body.token, { org: 'elsewhere' })).error).toMatchObject({
    exitCode: 77,
    message: expect.stringMatching(/organisation elsewhere: .* 401/),
  });
});

test('no place for the secrets: the server stays untouched', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'file'), '');
  const missing = await runSetup(optionsFor(url, join(directory, 'file')));
  expect(missing.error).toMatchObject({
    message: expect.stringMatching(/cannot be .* a part of its path is no directory$/),
  });
  if (process.getuid?.() !== 0) {
    const locked = join(directory, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    expect((await runSetup(optionsFor(url, locked))).error).toMatchObject({ exitCode: 77 });
  }
  expect((await api<{ allowed: boolean }>({ url, token: '' }, 'GET', '/api/v2/setup')).body.allowed).toBe(true);
});

test('VictoriaMetrics needs nothing, and is told so', async () => {
  const server = await VictoriaMetrics.start();
  const directory = temporaryDirectory();
  const { lines, error } = await runSetup(optionsFor(server.url, directory));
  expect(error).toBeUndefined();
  expect(lines[0]).toBe(`server: VictoriaMetrics at ${server.url}`);
  expect(lines[1]).toMatch(/^VictoriaMetrics needs no setup/);
  expect(lines[2]).not.toContain('tokenFile');
  expect(readdirSync(directory)).toEqual([]);
});

test('InfluxDB 1.8 without passwords: a database a bucket, no tokens, no roll-ups', async () => {
  const databases = [['_internal']];
  const { url, requests } = await fakeServer((path, query) => {
    if (path === '/ping') return { status: 204, headers: V1 };
    const created = /^CREATE DATABASE "(\w+)"/.exec(query)?.[1];
    if (created) databases.push([created]);
    if (query === 'SHOW DATABASES') return done(...databases);
    if (query.startsWith('SHOW RETENTION')) {
      const policy = { columns: ['name', 'duration', 'shardGroupDuration'], values: [['autogen', '0s', '672h0m0s']] };
      return { status: 200, headers: V1, body: { results: [{ series: [policy] }] } };
    }
    return done();
  });
  const options = optionsFor(url, temporaryDirectory());
  const dry = await runSetup({ ...options, dryRun: true });
  expect(dry.lines).toContain('2 of 4 items would be changed; nothing was');
  expect(requests.filter((query) => query.startsWith('CREATE'))).toEqual([]);
  const first = await runSetup(options);
  expect(first.error).toBeUndefined();
  expect(first.lines).toContain('database energy: created, kept for ever, shards of 28 days');
  expect(requests).toContain('CREATE DATABASE "energy" WITH DURATION INF SHARD DURATION 28d NAME "autogen"');
  expect(requests).toContain('CREATE DATABASE "host" WITH DURATION 364d SHARD DURATION 28d NAME "autogen"');
  expect(readdirSync(temporaryDirectory())).toEqual([]);
  expect((await runSetup(options)).lines).toContain('nothing to do: all 4 items are there');
});

test.each([
  ['a web page', { status: 200, body: '<html>hello</html>' }, /no InfluxDB \(it answers 200 to \/ping\)/],
  ['Grafana', { status: 302, headers: { location: '/login' }, body: '<a href="/login">Found</a>' }, /no InfluxDB/],
  ['a proxy that wants a password', { status: 401, body: 'Unauthorized' }, /answers 401 even to \/ping/],
  ['InfluxDB 1.6', { status: 204, headers: { 'x-influxdb-version': '1.6.7~rc0' } }, /an InfluxDB 1\.6\.7/],
  [
    'InfluxDB 3',
    { status: 200, headers: { 'x-influxdb-version': '3.9.0', 'x-influxdb-build': 'Core' }, body: {} },
    /an InfluxDB 3\.9\.0/,
  ],
  [
    'InfluxDB Cloud',
    { status: 204, headers: { 'x-influxdb-version': 'x', 'x-influxdb-build': 'Cloud' } },
    /an InfluxDB Cloud/,
  ],
])('%s is recognised as what it is not', async (_name, answer, message) => {
  const { url } = await fakeServer(() => answer);
  const { error } = await runSetup(optionsFor(url, temporaryDirectory()));
  expect(error).toMatchObject({ exitCode: 78, message: expect.stringMatching(message) });
  expect(error?.hint).toBeTruthy();
});

test('the command: nothing there, no HTTP, TLS where there is none, no entry, several entries', async () => {
  const config = (influxdb: string) => {
    const path = join(temporaryDirectory(), 'config.yaml');
    writeFileSync(path, `meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]\n${influxdb}`);
    return ['influxdb', 'setup', '--config', path];
  };
  const nonsense = await nonsensePort();
  const { url } = await fakeServer(() => ({ status: 204 }));
  const cases: [string, number, RegExp][] = [
    ['influxdb: {url: "http://127.0.0.1:1"}', 69, /cannot be asked: connect ECONNREFUSED.*\n {2}nothing listens there/],
    [`influxdb: {url: "http://127.0.0.1:${nonsense}"}`, 69, /cannot be asked/],
    [`influxdb: {url: "${url.replace('http', 'https')}"}`, 69, /does not speak TLS there/],
    [`influxdb: {url: "${url}", caFile: /nowhere.pem}`, 78, /certificate authority \/nowhere.pem is not there/],
    ['', 78, /the configuration has no influxdb/],
    [
      'influxdb: [{url: "http://a", name: a}, {url: "http://b", name: b}]',
      64,
      /several servers\n {2}choose one with --sink: a, b/,
    ],
  ];
  for (const [entry, code, message] of cases) {
    const result = await finished(config(entry));
    expect(result.err, entry).toMatch(message);
    expect(result.err, entry).not.toMatch(/\n\s+at /);
    expect(result.code, entry).toBe(code);
  }
});
