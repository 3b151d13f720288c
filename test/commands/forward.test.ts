import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { finished, runCommand } from '../support/child.ts';
import { fillJournal, journalPoints, secondsFrom } from '../support/forwarding.ts';
import { requireProgram } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';
import { virtualLine } from '../support/virtual-line.ts';
import { webServer } from '../support/web-server.ts';

/** A state directory with ten readings, and a configuration that names a server. */
function prepared(influxdb: unknown) {
  const directory = temporaryDirectory();
  const stateDir = join(directory, 'state');
  const config = join(directory, 'config.yaml');
  const { line } = virtualLine();
  const connection = { serial: line.linkPath, baudRate: 115_200 };
  const meters = [{ name: 'house', model: 'we-515', connection }];
  writeFileSync(config, JSON.stringify({ stateDir, meters, influxdb, journal: { flushInterval: '1s' } }));
  fillJournal(stateDir, secondsFrom(1_700_000_000, 10));
  return { stateDir, config };
}

const AWAY = { name: 'local', url: 'http://127.0.0.1:9', token: 'a-secret-token' };

test('forward status without a collector: what waits for each server, for people and programs', async () => {
  const { config } = prepared([AWAY, { name: 'cloud', url: 'http://127.0.0.1:10' }]);
  const { code, out } = await finished(['forward', 'status', '--config', config]);
  expect(code).toBe(0);
  expect(out).toMatch(
    /^local {2}http:\/\/127.0.0.1:9\n {2}taken {5}nothing yet, 10 readings wait\n {2}now {7}no collector runs\ncloud/,
  );
  const json = JSON.parse((await finished(['forward', 'status', '--json', '--config', config])).out);
  expect(json).toMatchObject([{ name: 'local', waiting: 10, takenMs: null, quarantined: 0 }, { name: 'cloud' }]);
});

test('forward status without a server says that the journal alone keeps the readings', async () => {
  const { config } = prepared(undefined);
  expect((await finished(['forward', 'status', '--config', config])).out).toMatch(/the journal alone keeps/);
});

test('a collector that forwards: everything arrives, status tells so, and rewind sends it again', async (context) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start();
  const { config, stateDir } = prepared({ url: server.url, batchInterval: '1s' });
  const child = runCommand(['collect', '--config', config]);
  await expect.poll(async () => (await server.points()).size, { timeout: 20_000 }).toBeGreaterThan(60);
  const status = async () => (await finished(['forward', 'status', '--config', config])).out;
  const wellStated = /taken {5}up to 20.*\n {2}now {7}up to date, \d+ readings written/;
  await expect.poll(status, { timeout: 10_000 }).toMatch(wellStated);
  await server.wipe();
  await server.start();
  const rewound = await finished(['forward', 'rewind', 'influxdb', '--to', '2023-01-01', '--config', config]);
  expect(rewound).toMatchObject({ code: 0, err: '' });
  await expect
    .poll(async () => (await server.points()).has('energy_voltage house 1700000000000'), { timeout: 20_000 })
    .toBe(true);
  expect(await child.end('SIGTERM')).toBe(0);
  // What was read in the last second before the end waits in the journal for the next start.
  const kept = journalPoints(stateDir);
  for (const [key, value] of await server.points()) expect(kept.get(key)).toBe(value);
});

test('a server that is away disturbs no reading, and no secret is said', async () => {
  const { config, stateDir } = prepared(AWAY);
  const child = runCommand(['collect', '--config', config]);
  await child.printed(/readings wait in the journal/, 20_000);
  const status = () => finished(['forward', 'status', '--config', config]);
  await expect.poll(async () => (await status()).out, { timeout: 10_000 }).toMatch(/problem/);
  const said = await status();
  expect(said.out).toMatch(/problem {3}the server cannot be reached.*\n {12}nothing listens there/);
  expect(await child.end('SIGTERM')).toBe(0);
  expect(journalPoints(stateDir).size).toBeGreaterThan(30);
  const shown = await finished(['config', 'show', '--config', config]);
  expect(child.errors() + said.out + shown.out).not.toContain(AWAY.token);
});

test('quarantine: list, retry while the server is away, drop', async () => {
  const { config, stateDir } = prepared(AWAY);
  const empty = await finished(['forward', 'quarantine', 'list', '--config', config]);
  expect(empty).toMatchObject({ code: 0, out: 'nothing is in quarantine\n' });
  const db = new DatabaseSync(join(stateDir, 'journal.db'));
  db.exec(
    `INSERT INTO quarantine SELECT 'local', key, 'energy voltage=1 1', 'unable to parse', 0 FROM reading LIMIT 2`,
  );
  db.close();
  const list = await finished(['forward', 'quarantine', 'list', '--sink', 'local', '--config', config]);
  expect(list.out).toMatch(/^2023-11-14T22:13:20.000Z local: unable to parse\n {2}energy voltage=1 1\n/);
  const retry = await finished(['forward', 'quarantine', 'retry', '--config', config]);
  expect(retry).toMatchObject({ code: 69, out: '0 taken, 2 still in quarantine\n' });
  expect(retry.err).toMatch(/^energy-monitor: local: the server cannot be reached.*\n {2}nothing listens there/);
  const drop = await finished(['forward', 'quarantine', 'drop', '--config', config]);
  expect(drop).toMatchObject({ code: 0, out: '2 dropped\n' });
});

test('quarantine retry sends what was refused, also when the journal has it no more; what is refused again stays', async (context) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start();
  const { config, stateDir } = prepared([
    { name: 'local', url: server.url },
    {
      name: 'page',
      url: await webServer(422, '{"code":"unprocessable entity","message":"field type conflict dropped=1"}'),
    },
  ]);
  const db = new DatabaseSync(join(stateDir, 'journal.db'));
  for (const consumer of ['local', 'page']) {
    db.prepare('INSERT INTO quarantine VALUES (?, 1, ?, ?, 0)').run(
      consumer,
      'energy,meter=old power=7 1700000000000',
      'no',
    );
  }
  db.close();
  const retry = await finished(['forward', 'quarantine', 'retry', '--config', config]);
  expect(retry).toMatchObject({ code: 0, out: '1 taken, 1 still in quarantine\n' });
  expect([...(await server.points())]).toEqual([['energy_power old 1700000000000', 7]]);
});

test.each([
  [['rewind', 'local', '--to', '2099-01-01'], 64, /has not come yet\n {2}name a time in the past/],
  [['rewind', 'other', '--to', '2026-01-01'], 64, /no server is named other\n {2}there are: local/],
  [['rewind', 'local'], 64, /required option '--to <time>'/],
  [['rewind', 'local', '--to', 'yesterday'], 64, /Write a time such as/],
  [['quarantine', 'list', '--sink', 'other'], 64, /no server is named other/],
])('forward %j ends with %i and one sentence', async (args, code, sentence) => {
  const { config } = prepared(AWAY);
  const result = await finished(['forward', ...args, '--config', config]);
  expect(result.code).toBe(code);
  expect(result.err).toMatch(sentence);
  expect(result.err).not.toMatch(/ at .*\.ts/);
});

test('without a journal the commands make none', async () => {
  const { config } = prepared(AWAY);
  const empty = join(temporaryDirectory(), 'config.yaml');
  writeFileSync(
    empty,
    JSON.stringify({
      stateDir: join(temporaryDirectory(), 'nothing'),
      meters: [{ name: 'house', model: 'we-515', connection: { serial: '/dev/x' } }],
      influxdb: AWAY,
    }),
  );
  for (const args of [['status'], ['rewind', 'local', '--to', '2026-01-01'], ['quarantine', 'drop']]) {
    const result = await finished(['forward', ...args, '--config', empty]);
    expect(result.code).toBe(74);
    expect(result.err).toMatch(/there is no journal in/);
  }
  expect((await finished(['forward', 'status', '--config', config])).code).toBe(0);
});
