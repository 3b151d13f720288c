import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Journal } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { azuriteForAll } from '../support/azurite.ts';
import { newKeys } from '../support/backups.ts';
import { runCommand } from '../support/child.ts';
import { fillJournal, journalPoints, secondsFrom } from '../support/forwarding.ts';
import { freePort } from '../support/free-port.ts';
import { api } from '../support/influx-setup.ts';
import { bucketNames } from '../support/influx-snapshots.ts';
import { type InfluxAccess, influxPoints, requireInfluxd, startInfluxd } from '../support/influxd.ts';
import { Pi } from '../support/pi.ts';
import { temporaryDirectory } from '../support/temporary.ts';

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
