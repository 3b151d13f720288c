import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { JournalReader } from '../../agent/journal/reader.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { azuriteForAll } from '../support/azurite.ts';
import { newKeys } from '../support/backups.ts';
import { runCommand } from '../support/child.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { fillJournal, forward, journalPoints, secondsFrom, sinkConfig } from '../support/forwarding.ts';
import { freePort } from '../support/free-port.ts';
import { api } from '../support/influx-setup.ts';
import { bucketNames } from '../support/influx-snapshots.ts';
import { type InfluxAccess, influxPoints, requireInfluxd, startInfluxd } from '../support/influxd.ts';
import { Pi } from '../support/pi.ts';
import { requireProgram } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';

const azurite = azuriteForAll();
const HISTORY = 500;
const WAIT = { timeout: 30_000, interval: 250 };

/** A meter on the wall, which stays there; what a person has at hand besides: the recovery key, the SAS, the URL. */
async function house() {
  const keys = await newKeys();
  const safe = temporaryDirectory();
  writeFileSync(join(safe, 'recovery.key'), keys.identity);
  const container = await azurite().container();
  const meterPort = await freePort();
  const meter = runCommand(['simulate', '--tcp', String(meterPort), '--baud', '0']);
  await meter.printed(/tcp 127/);
  const pi = new Pi();
  const url = azurite().urlOf(container);
  const sas = azurite().sas(container, 'rcl');
  const from = ['--from', url, '--sas-file', pi.path('azure.sas'), '--identity-file', join(safe, 'recovery.key')];
  const arrive = () => writeFileSync(pi.path('azure.sas'), sas, { mode: 0o600 });
  arrive();
  const configure = (more: object, backup: object = {}) =>
    pi.configure({
      meters: [{ name: 'attic', model: 'we-515', connection: { tcp: `127.0.0.1:${meterPort}` } }],
      journal: { flushInterval: '1s' },
      ...more,
      backup: { recipient: keys.recipient, stores: [{ azure: url, sasFile: pi.path('azure.sas') }], ...backup },
    });
  /** A new Pi: its files are gone, the SAS was copied there. */
  const replace = () => {
    pi.replace();
    arrive();
  };
  return { pi, meter, from, safe, configure, replace };
}

type House = Awaited<ReturnType<typeof house>>;

const nowS = () => Math.floor(Date.now() / 1000);

/** Readings that a running collector has taken, in the journal. */
function liveReadings({ stateDir }: Pi): number {
  const reader = new JournalReader(stateDir);
  const readings = reader.readings({ fromMs: 0, toMs: 4e12 }).filter(({ series }) => series.meter === 'attic').length;
  reader.close();
  return readings;
}

/** What the server has of the journal: readings of meters and of the machine. */
async function serverPoints(access: InfluxAccess): Promise<Map<string, number>> {
  return new Map([...(await influxPoints(access, 'energy')), ...(await influxPoints(access, 'host'))]);
}

/** An InfluxDB on the port of the house, set up, named in the configuration, and backed up. */
async function withInflux({ pi, configure }: House, url: string): Promise<() => InfluxAccess> {
  configure(
    { influxdb: { url, tokenFile: pi.path('influxdb.token'), batchInterval: '1s' } },
    { databases: [{ operatorTokenFile: pi.path('influxdb-operator.token') }] },
  );
  expect(await pi.run('influxdb', 'setup', '--config', pi.config)).toMatchObject({ code: 0, err: '' });
  return () => ({ url, token: pi.secret('influxdb-operator.token'), org: 'home' });
}

/** What of the first is not in the second, or otherwise there. */
const missing = (wanted: ReadonlyMap<string, number>, there: ReadonlyMap<string, number>): string[] =>
  [...wanted].filter(([key, value]) => there.get(key) !== value).map(([key]) => key);

/** What the server lets a token do. */
async function may(url: string, token: string): Promise<{ reads: boolean; writes: boolean }> {
  const list = await api<{ buckets?: object[] }>({ url, token }, 'GET', '/api/v2/buckets?name=energy');
  // A comment, which is no point.
  const { status } = await api({ url, token }, 'POST', '/api/v2/write?org=home&bucket=energy', '# nothing');
  expect([204, 400, 401, 403]).toContain(status);
  return { reads: list.body.buckets?.length === 1, writes: status === 204 || status === 400 };
}

test('the rehearsal: from an empty directory, with the recovery key, the SAS and one command', async (context) => {
  requireInfluxd(context);
  const home = await house();
  const { pi, meter, from, replace } = home;
  const lost = await startInfluxd();
  const access = await withInflux(home, lost.url);
  fillJournal(pi.stateDir, secondsFrom(nowS() - 3 * 86_400, HISTORY));
  // Positions are saved each five minutes, and when the collector ends.
  const first = pi.start('collect', '--config', pi.config);
  await expect.poll(async () => (await influxPoints(access(), 'energy')).size, WAIT).toBeGreaterThan(3 * HISTORY);
  await first.end('SIGTERM');
  const before = pi.start('collect', '--config', pi.config);
  await expect.poll(() => liveReadings(pi), WAIT).toBeGreaterThan(3);
  expect(await pi.run('backup', 'run', '--config', pi.config)).toMatchObject({ code: 0, err: '' });
  const backedUp = liveReadings(pi);
  // What is read from now on is lost with the Pi.
  await expect.poll(() => liveReadings(pi), WAIT).toBeGreaterThan(backedUp + 2);
  await before.end('SIGKILL');
  const lostPoints = journalPoints(pi.stateDir);
  const oldWriter = pi.secret('influxdb.token');
  await lost.end('SIGKILL');
  replace();

  await startInfluxd(undefined, Number(new URL(lost.url).port));
  const restored = await pi.run('restore', '--with-databases', ...from, '--config', pi.config);
  expect(restored).toMatchObject({ code: 0, err: '' });
  expect(restored.out).toMatch(/the server was empty: it is set up/);
  expect(restored.out).toMatch(/it is energy now; the one that was there had no points, and is gone/);
  expect(await bucketNames(access())).toEqual(['energy', 'energy_15m', 'energy_1m', 'host']);
  const writer = pi.secret('influxdb.token');
  expect(await may(lost.url, oldWriter)).toEqual({ reads: false, writes: false });
  expect(await may(lost.url, writer)).toEqual({ reads: false, writes: true });
  expect(await may(lost.url, pi.secret('influxdb-reader.token'))).toEqual({ reads: true, writes: false });

  const after = pi.start('collect', '--config', pi.config);
  const there = liveReadings(pi);
  await expect.poll(() => liveReadings(pi), WAIT).toBeGreaterThan(there + 2);
  await meter.end('SIGTERM');
  const read = journalPoints(pi.stateDir);
  await expect.poll(async () => missing(read, await serverPoints(access())), WAIT).toEqual([]);
  // A server is backed up after the journal: it may have what was read in between, and nothing else.
  expect(missing(await serverPoints(access()), new Map([...lostPoints, ...read]))).toEqual([]);
  const status = await pi.run('forward', 'status', '--json', '--config', pi.config);
  const [sink] = JSON.parse(status.out) as { name: string; live: { written: number } }[];
  expect(sink?.name).toBe('influxdb');
  expect(sink?.live.written).toBeGreaterThan(0);
  // The positions went on: what was long there is not sent again.
  expect(sink?.live.written).toBeLessThan(HISTORY);
  await after.end('SIGTERM');

  const next = await pi.run('backup', 'run', '--config', pi.config);
  expect(next).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^backup 2 in azure: .* verified\n/) });
  const list = await pi.run('backup', 'list', '--config', pi.config);
  expect(list.out.match(/^ *[12] .*/gm)).toHaveLength(2);
  const verified = await pi.run('backup', 'verify', '--all', '--config', pi.config);
  expect(verified).toMatchObject({ code: 0, out: expect.stringMatching(/^azure: 2 backups, .*whole\n$/) });
});

/** A house whose Pi is lost, with a backup of its InfluxDB; the new one's is behind a proxy, at the same URL. */
async function lostWithInflux(context: TestContext) {
  requireInfluxd(context);
  const home = await house();
  const { pi, replace } = home;
  const lost = await startInfluxd();
  const proxy = await FaultProxy.start(lost.url);
  const access = await withInflux(home, proxy.url);
  fillJournal(pi.stateDir, secondsFrom(nowS() - 3 * 86_400, HISTORY));
  const sink = { ...access(), name: 'influxdb', bucket: 'energy' };
  const forwarding = forward(pi.stateDir, [sinkConfig(sink)]);
  const read = journalPoints(pi.stateDir);
  await expect.poll(async () => (await influxPoints(access(), 'energy')).size, WAIT).toBe(read.size);
  await forwarding.stop();
  for (const bucket of ['energy_1m', 'host']) {
    const path = `/api/v2/write?org=home&bucket=${bucket}&precision=s`;
    const line = `energy,meter=${bucket} voltage=230 ${nowS() - 3 * 86_400}`;
    expect((await api(access(), 'POST', path, line)).status).toBe(204);
  }
  expect(await pi.run('backup', 'run', '--config', pi.config)).toMatchObject({ code: 0, err: '' });
  const oldWriter = pi.secret('influxdb.token');
  await lost.end();
  replace();
  const startFresh = () => startInfluxd(undefined, Number(new URL(lost.url).port));
  const restore = (...args: string[]) =>
    pi.run('restore', '--with-databases', ...home.from, ...args, '--config', pi.config);
  return { ...home, proxy, access, read, oldWriter, startFresh, restore };
}

/** What is in the server once all is done, after whatever went wrong. */
async function expectWhole({ pi, proxy, access, read, oldWriter }: Awaited<ReturnType<typeof lostWithInflux>>) {
  expect(await influxPoints(access(), 'energy')).toEqual(read);
  for (const bucket of ['energy_1m', 'host'])
    expect([...(await influxPoints(access(), bucket)).keys()]).toContainEqual(
      expect.stringContaining(`voltage ${bucket}`),
    );
  expect(await bucketNames(access())).toEqual(['energy', 'energy_15m', 'energy_1m', 'host']);
  expect(await may(proxy.url, pi.secret('influxdb.token'))).toEqual({ reads: false, writes: true });
  expect(await may(proxy.url, pi.secret('influxdb-reader.token'))).toEqual({ reads: true, writes: false });
  expect(await may(proxy.url, oldWriter)).toEqual({ reads: false, writes: false });
  expect(readdirSync(join(pi.stateDir, 'backup')).filter((name) => name.startsWith('restore-'))).toEqual([]);
}

test('a server that is not up yet: journal and configuration are there, and the command that was told brings the rest', async (context) => {
  const home = await lostWithInflux(context);
  const { pi, proxy, startFresh, restore } = home;
  await proxy.refuse();
  const first = await restore();
  expect(first).toMatchObject({ code: 69, out: expect.stringMatching(/: readings 500 of energy.*\nconfiguration in/) });
  expect(first.err).toMatch(/influxdb: .* cannot be asked: .*\n.*nothing listens there/);
  expect(first.err).not.toMatch(/ at .*\.ts/);
  expect(journalPoints(pi.stateDir).size).toBeGreaterThanOrEqual(home.read.size);
  const told = / {2}then: energy-monitor (restore-influxdb 1 --swap .*)/.exec(first.err)?.[1]?.split(' ') ?? [];
  await startFresh();
  await proxy.accept();

  // Cut off when the buckets are in place, and the tokens mean what they replaced.
  let swapped = false;
  const killed = pi.start(...told);
  proxy.faultFor = (path, _number, method) => {
    if (method === 'DELETE' && path.startsWith('/api/v2/buckets/')) swapped = true;
    if (!swapped || method !== 'POST' || !path.startsWith('/api/v2/authorizations')) return undefined;
    killed.process.kill('SIGKILL');
    return { kind: 'reset' };
  };
  await killed.ended;
  proxy.faultFor = () => undefined;
  expect(swapped).toBe(true);
  expect((await influxPoints(home.access(), 'energy')).size).toBe(home.read.size);
  expect(await may(proxy.url, pi.secret('influxdb.token'))).toEqual({ reads: false, writes: false });
  const again = await pi.run(...told);
  expect(again).toMatchObject({ code: 0, err: '' });
  expect(again.out).toMatch(/^energy is in place since an earlier run, which was broken off: 1500 values$/m);
  await expectWhole(home);
});

test('killed at random requests, and the same command again: all of it is there, once', async (context) => {
  const home = await lostWithInflux(context);
  const { pi, proxy, from, startFresh, restore } = home;
  await startFresh();
  const random = seededRandom(515);
  for (let kills = 0; kills < 6; kills++) {
    const child = pi.start('restore', '--with-databases', ...from, '--config', pi.config);
    const last = Math.floor(random() * 70);
    let requests = 0;
    proxy.faultFor = () => {
      if (requests++ < last) return undefined;
      child.process.kill('SIGKILL');
      return random() < 0.5 ? undefined : { kind: 'reset' };
    };
    await child.ended;
  }
  proxy.faultFor = () => undefined;
  const done = existsSync(join(pi.stateDir, 'backup/restore-influxdb.json')) ? await restore() : undefined;
  expect(done?.code ?? 0, done?.err).toBe(0);
  await expectWhole(home);
});

test('tokens that cannot be made are a sentence, the data stay in place, and the same command goes on', async (context) => {
  const home = await lostWithInflux(context);
  const { pi, proxy, startFresh, restore } = home;
  await startFresh();
  let swapped = false;
  proxy.faultFor = (path, _number, method) => {
    if (method === 'DELETE' && path.startsWith('/api/v2/buckets/')) swapped = true;
    const isToken = method === 'POST' && path.startsWith('/api/v2/authorizations');
    return swapped && isToken ? { kind: 'answer', status: 500, body: '{"message":"no"}' } : undefined;
  };
  const first = await restore();
  expect(first.code).toBe(69);
  expect(first.err).toMatch(
    /the data are in place, and not all that follows is done: writer token: \S+ answers 500.*\n.*same command again/,
  );
  expect(first.out).toMatch(/it is energy now/);
  expect(await influxPoints(home.access(), 'energy')).toEqual(home.read);
  proxy.faultFor = () => undefined;
  expect(await restore()).toMatchObject({
    code: 0,
    err: 'the journal of backup 1 is there; going on with the servers\n',
  });
  await expectWhole(home);
  // Once all is there, nothing is owed any more.
  expect(await restore()).toMatchObject({ code: 74, err: expect.stringMatching(/there is a journal/) });
  expect(readFileSync(pi.config, 'utf8')).toContain('tokenFile');
});

test('a wrong SAS, another recovery key: one sentence each, and nothing is made, nor asked of the server', async (context) => {
  const { pi, proxy, from, safe, startFresh, restore } = await lostWithInflux(context);
  await startFresh();
  const [, url = '', , sas = '', , key = ''] = from;
  writeFileSync(join(safe, 'other.key'), (await newKeys()).identity);
  writeFileSync(join(safe, 'other.sas'), readFileSync(sas, 'utf8').replace(/sig=.{6}/, 'sig=AAAAAA'), { mode: 0o600 });
  const { requests } = proxy;
  for (const [args, code, sentence] of [
    [['--sas-file', join(safe, 'other.sas'), '--identity-file', key], 77, /energy-monitor: .*\n {2}/],
    [['--sas-file', sas, '--identity-file', join(safe, 'other.key')], 78, /recovery key is another/],
  ] as const) {
    const result = await pi.run('restore', '--with-databases', '--from', url, ...args, '--config', pi.config);
    expect(result).toMatchObject({ code, out: '', err: expect.stringMatching(sentence) });
    expect(result.err).not.toMatch(/ at .*\.ts|sig=A|AGE-SECRET/);
  }
  expect(proxy.requests).toBe(requests);
  expect(existsSync(pi.stateDir)).toBe(false);
  expect(readdirSync(pi.path(''))).toEqual(['azure.sas']);
  expect(await restore()).toMatchObject({ code: 0, err: '' });
});

test('the rehearsal without a database: journal, configuration and backups go on, and the collector with them', async () => {
  const { pi, from, configure, replace } = await house();
  configure({});
  const before = pi.start('collect', '--config', pi.config);
  await expect.poll(() => existsSync(pi.stateDir) && liveReadings(pi), WAIT).toBeGreaterThan(2);
  expect(await pi.run('backup', 'run', '--config', pi.config)).toMatchObject({ code: 0, err: '' });
  await before.end('SIGKILL');
  const lostPoints = journalPoints(pi.stateDir);
  replace();
  const restored = await pi.run('restore', '--with-databases', ...from, '--config', pi.config);
  expect(restored).toMatchObject({ code: 0, err: '' });
  const there = journalPoints(pi.stateDir);
  expect(there.size).toBeGreaterThan(2);
  expect(missing(there, lostPoints)).toEqual([]);
  const after = pi.start('collect', '--config', pi.config);
  const count = liveReadings(pi);
  await expect.poll(() => liveReadings(pi), WAIT).toBeGreaterThan(count + 2);
  await after.end('SIGTERM');
  expect(missing(there, journalPoints(pi.stateDir))).toEqual([]);
  expect(await pi.run('backup', 'run', '--config', pi.config)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^backup 2 in azure: .* verified\n/),
  });
  expect((await pi.run('backup', 'list', '--config', pi.config)).out.match(/^ *[12] .*/gm)).toHaveLength(2);
});

test('data that no command brings back yet are named as such, and the rest comes back', async (context) => {
  requireProgram(context, 'victoria-metrics');
  const { pi, from, configure, replace } = await house();
  const server = await VictoriaMetrics.start();
  await fetch(`${server.url}/api/v2/write?precision=s`, {
    method: 'POST',
    body: `energy,meter=house voltage=230 ${nowS() - 60}`,
  });
  await fetch(`${server.url}/internal/force_flush`);
  configure({ influxdb: { name: 'vm', url: server.url } }, { databases: [{ sink: 'vm' }] });
  fillJournal(pi.stateDir, secondsFrom(nowS() - 3 * 86_400, 10));
  expect(await pi.run('backup', 'run', '--config', pi.config)).toMatchObject({ code: 0, err: '' });
  replace();
  expect(await pi.run('restore', '--with-databases', ...from, '--config', pi.config)).toMatchObject({
    code: 69,
    out: expect.stringMatching(/: readings 10 of energy/),
    err: expect.stringMatching(/vm of backup 1 is of VictoriaMetrics\n {2}no command restores that yet/),
  });
  replace();
  expect(await pi.run('restore', ...from, '--config', pi.config)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/the data of vm, VictoriaMetrics, are in the backup; no command/),
  });
});
