import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { SetupOptions } from '../../agent/influxdb/setup/options.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { api, optionsFor, runSetup } from '../support/influx-setup.ts';
import { requireInfluxd, startInfluxd } from '../support/influxd.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { done, fakeServer, V1 } from './fake-server.ts';

const secretOf = (path: string) => readFileSync(path, 'utf8').trim();

/** Writer tokens that the server knows, and one that may do more than it needs in the writer's file. */
async function widerWriter(url: string, options: SetupOptions) {
  const operator = { url, token: secretOf(options.files.operator) };
  const description = `energy-monitor writer pi:${options.files.writer}`;
  const writers = async () => {
    const { body } = await api<{ authorizations: { orgID: string; description: string }[] }>(
      operator,
      'GET',
      '/api/v2/authorizations?org=home',
    );
    return body.authorizations.filter((one) => one.description === description);
  };
  const orgID = (await writers())[0]?.orgID;
  const permissions = ['read', 'write'].map((action) => ({ action, resource: { type: 'buckets', orgID } }));
  const made = await api<{ token: string }>(operator, 'POST', '/api/v2/authorizations', {
    orgID,
    description,
    permissions,
  });
  writeFileSync(options.files.writer, `${made.body.token}\n`, { mode: 0o600 });
  return writers;
}

const writes = async (url: string, token: string) =>
  (await api({ url, token }, 'POST', '/api/v2/write?org=home&bucket=energy', 'energy,meter=a voltage=230')).status;

test('--replace, broken off at any request, leaves a token in the file that the server knows', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const proxy = await FaultProxy.start(url);
  const options = optionsFor(url, temporaryDirectory());
  const through: SetupOptions = { ...options, address: { url: proxy.url }, replace: true };
  for (let n = 0, broken = true; broken; n++) {
    // Each time from the same state: one token in the file that may too much, another one besides.
    expect((await runSetup({ ...options, replace: true })).error, `before request ${n}`).toBeUndefined();
    const writers = await widerWriter(url, options);
    const begin = proxy.requests;
    proxy.faultFor = (_path, number) => (number === begin + n ? { kind: 'reset' } : undefined);
    broken = (await runSetup(through)).error !== undefined;
    expect(await writes(url, secretOf(options.files.writer)), `request ${n}`).toBe(204);
    expect((await runSetup({ ...options, replace: true })).error).toBeUndefined();
    expect(await writers()).toHaveLength(1);
  }
  expect((await runSetup(options)).lines.join('\n')).toContain('nothing to do');
});

test('tokens that a broken run left behind are told, and --replace leaves one', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const options = optionsFor(url, temporaryDirectory());
  await runSetup(options);
  const fits = secretOf(options.files.writer);
  const writers = await widerWriter(url, options);
  writeFileSync(options.files.writer, `${fits}\n`);
  expect((await runSetup(options)).lines).toContain(
    `writer token: there already, in ${options.files.writer}; the server knows 1 more of it, --replace leaves only one`,
  );
  expect(secretOf(options.files.writer)).toBe(fits);
  expect((await runSetup({ ...options, replace: true })).error).toBeUndefined();
  expect(await writers()).toHaveLength(1);
  expect(await writes(url, secretOf(options.files.writer))).toBe(204);
});

test.for([
  '/api/v2/write',
  '/api/v2/buckets',
])('a server that is busy at %s condemns no token', async (path, context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const proxy = await FaultProxy.start(url);
  const options = optionsFor(url, temporaryDirectory());
  await runSetup(options);
  const writer = secretOf(options.files.writer);
  proxy.faultFor = (asked) => {
    // Without a name: the one that asks what a token sees.
    const probe = asked.startsWith(path) && !asked.includes('name=');
    return probe ? { kind: 'answer', status: 503, body: 'overloaded' } : undefined;
  };
  const { lines, error } = await runSetup({ ...options, address: { url: proxy.url }, replace: true });
  expect(error).toMatchObject({
    exitCode: 69,
    message: expect.stringMatching(/^trying .*answers 503: overloaded$/),
    hint: expect.stringContaining('the server is busy'),
  });
  expect(lines.find((line) => line.startsWith('writer token'))).toBeUndefined();
  expect(secretOf(options.files.writer)).toBe(writer);
});

test('a token whose file others may read is told, whatever it is for', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const options = optionsFor(url, temporaryDirectory());
  await runSetup(options);
  const { operator, writer, reader } = options.files;
  for (const file of [operator, writer, reader]) chmodSync(file, 0o644);
  const { lines, error } = await runSetup(options);
  expect(error).toBeUndefined();
  for (const [name, file, said] of [
    ['operator', operator, 'in'],
    ['writer', writer, 'there already, in'],
    ['reader', reader, 'there already, in'],
  ]) {
    expect(lines).toContain(`${name} token: ${said} ${file}, which others may read: chmod 600 ${file}`);
  }
});

test('items that need a person are not counted as there', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const options = optionsFor(url, temporaryDirectory());
  await runSetup(options);
  for (const file of [options.files.writer, options.files.reader]) writeFileSync(file, 'stale\n');
  const { lines, error } = await runSetup(options);
  expect(lines.at(-1)).toBe('16 of 18 items are there');
  expect(error?.message).toBe('2 of 18 items need you; see the lines above');
});

/** An InfluxDB 1.8 with passwords, as far as the setup asks it. */
async function passwordServer() {
  const users = new Map([['admin', 'secret']]);
  const denied = { status: 401, headers: V1, body: { error: 'authorization failed' } };
  const policy = { columns: ['name', 'duration', 'shardGroupDuration'], values: [['autogen', '0s', '672h0m0s']] };
  const { url } = await fakeServer((path, query, token) => {
    if (path === '/ping') return { status: 204, headers: V1 };
    const [user = '', password] = token.split(':');
    if (!users.has(user) || users.get(user) !== password) return denied;
    if (path.startsWith('/api/v2/write')) return { status: 204, headers: V1 };
    const [, name = '', secret = ''] = /^(?:CREATE USER|SET PASSWORD FOR) "([^"]+)".*'([^']+)'$/.exec(query) ?? [];
    if (name !== '') users.set(name, secret);
    if (query === 'SHOW DATABASES') return done(['energy'], ['host']);
    const table =
      query === 'SHOW USERS'
        ? { columns: ['user', 'admin'], values: [...users.keys()].map((one) => [one, one === 'admin']) }
        : policy;
    const body = { results: [query.startsWith('SHOW') ? { series: [table] } : {}] };
    return { status: 200, headers: V1, body };
  });
  return { url, users };
}

test('InfluxDB 1.8: each machine has users of its own', async () => {
  const { url, users } = await passwordServer();
  const machines = ['garage', 'house'].map((machine) => {
    const options = optionsFor(url, temporaryDirectory(), { machine });
    writeFileSync(options.files.operator, 'admin:secret', { mode: 0o600 });
    return options;
  });
  for (const options of machines) expect((await runSetup({ ...options, replace: true })).error).toBeUndefined();
  expect([...users.keys()].sort()).toEqual([
    'admin',
    'energy-monitor-reader-garage',
    'energy-monitor-reader-house',
    'energy-monitor-writer-garage',
    'energy-monitor-writer-house',
  ]);
  for (const options of machines) {
    const { lines, error } = await runSetup(options);
    expect(error).toBeUndefined();
    expect(lines.join('\n')).toContain('nothing to do');
  }
});
