import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { seededRandom } from '../../agent/simulator/random.ts';
import { azuriteForAll } from '../support/azurite.ts';
import { newKeys } from '../support/backups.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { fillJournal, forward, journalPoints, secondsFrom, sinkConfig } from '../support/forwarding.ts';
import { house, may, nowS, WAIT, withInflux } from '../support/house.ts';
import { api } from '../support/influx-setup.ts';
import { bucketNames } from '../support/influx-snapshots.ts';
import { influxPoints, requireInfluxd, startInfluxd } from '../support/influxd.ts';
import { requireProgram } from '../support/requires.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';

const azurite = azuriteForAll();
const HISTORY = 500;
const LONG = { timeout: 240_000 };

/** A house whose Pi is lost, with a backup of its InfluxDB; the new one's is behind a proxy, at the same URL. */
async function lostWithInflux(context: TestContext, hasTokenAsText = false) {
  requireInfluxd(context);
  const home = await house(azurite());
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
  if (hasTokenAsText) {
    const tokenFile = JSON.stringify({ tokenFile: pi.path('influxdb.token') }).slice(1, -1);
    const token = JSON.stringify({ token: pi.secret('influxdb.token') }).slice(1, -1);
    writeFileSync(pi.config, readFileSync(pi.config, 'utf8').replace(tokenFile, token));
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

test(
  'a server that is not up yet: journal and configuration are there, and the command that was told brings the rest',
  LONG,
  async (context) => {
    const home = await lostWithInflux(context);
    const { pi, proxy, startFresh, restore } = home;
    await proxy.refuse();
    const first = await restore();
    expect(first).toMatchObject({
      code: 69,
      out: expect.stringMatching(/: readings 500 of energy.*\nconfiguration in/),
    });
    expect(first.err).toMatch(/influxdb: .* cannot be asked: .*\n.*nothing listens there/);
    expect(first.err).not.toMatch(/ at .*\.ts/);
    expect(first.out).toContain(`  it names files that are not here: ${pi.path('influxdb.token')}`);
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
  },
);

test('killed at random requests, and the same command again: all of it is there, once', LONG, async (context) => {
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

test(
  'tokens that cannot be made are a sentence, the data stay in place, and the same command goes on',
  LONG,
  async (context) => {
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
  },
);

test(
  'a token that stood in the configuration as text: all is restored, and what to write is told',
  LONG,
  async (context) => {
    const home = await lostWithInflux(context, true);
    await home.startFresh();
    const result = await home.restore();
    expect(result).toMatchObject({ code: 78, out: expect.stringMatching(/it is energy now/) });
    expect(result.err).toMatch(
      /the configuration has no tokenFile for influxdb\n {2}write tokenFile: \S+influxdb.token there/,
    );
    expect(result.err).not.toMatch(/then: /);
    expect(readFileSync(home.pi.config, 'utf8')).toContain('"***"');
    await expectWhole(home);
  },
);

test(
  'a wrong SAS, another recovery key: one sentence each, and nothing is made, nor asked of the server',
  LONG,
  async (context) => {
    const { pi, proxy, from, safe, startFresh, restore } = await lostWithInflux(context);
    await startFresh();
    const [, url = '', , sas = '', , key = ''] = from;
    writeFileSync(join(safe, 'other.key'), (await newKeys()).identity);
    writeFileSync(join(safe, 'other.sas'), readFileSync(sas, 'utf8').replace(/sig=.{6}/, 'sig=AAAAAA'), {
      mode: 0o600,
    });
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
  },
);

test(
  'a VictoriaMetrics comes back as well: into the empty server of the new Pi, and beside what is live',
  LONG,
  async (context) => {
    requireProgram(context, 'victoria-metrics');
    const { pi, from, configure, replace } = await house(azurite());
    const server = await VictoriaMetrics.start();
    const lines = Array.from(
      { length: 50 },
      (_, i) => `energy,meter=house voltage=${230 + (i % 7)} ${nowS() - 600 + i}`,
    );
    await fetch(`${server.url}/api/v2/write?precision=s`, { method: 'POST', body: lines.join('\n') });
    const before = await server.points();
    expect(before.size).toBe(50);
    configure({ influxdb: { name: 'vm', url: server.url } }, { databases: [{ sink: 'vm' }] });
    fillJournal(pi.stateDir, secondsFrom(nowS() - 3 * 86_400, 10));
    expect(await pi.run('backup', 'run', '--config', pi.config)).toMatchObject({ code: 0, err: '' });
    await server.wipe();
    await server.start();
    replace();
    const restored = await pi.run('restore', '--with-databases', ...from, '--config', pi.config);
    expect(restored).toMatchObject({ code: 0, err: '' });
    expect(restored.out).toMatch(/: readings 10 of energy/);
    expect(restored.out).toMatch(
      /^50 samples of 1 series on 1 days in place; 50 of them were not there\n {2}1 days of series compared/m,
    );
    expect(restored.out).toMatch(/^what the journal has from 20.* on is sent again$/m);
    expect(await server.points()).toEqual(before);
    const again = await pi.run('restore-influxdb', '--sink', 'vm', ...from, '--config', pi.config);
    expect(again).toMatchObject({ code: 0, err: '' });
    expect(again.out).toMatch(/^50 samples of 1 series on 1 days as restored_\.\.\.\{db="vm-restored"\}; 50 of them/m);
    const wrong = await pi.run('restore-influxdb', '--full', '--sink', 'vm', ...from, '--config', pi.config);
    expect(wrong).toMatchObject({ code: 64, err: expect.stringMatching(/is a VictoriaMetrics, which has no buckets/) });
  },
);
