import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configured } from '../../../agent/backup/configured.ts';
import { type DrillOptions, drill } from '../../../agent/backup/drill/drill.ts';
import { startScratchInfluxd } from '../../../agent/backup/drill/scratch-influxd.ts';
import { runAll } from '../../../agent/backup/run-all.ts';
import { FIRST_S, fill, linesOf, write } from '../../influxdb/snapshot/filled-server.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { api } from '../../support/influx-setup.ts';
import { bucketNames, pointsOf } from '../../support/influx-snapshots.ts';
import { type InfluxAccess, requireInfluxd, startInfluxd } from '../../support/influxd.ts';
import { influxdProgram } from '../../support/influxd-program.ts';
import { silentLog } from '../../support/silent-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const OPTIONS: DrillOptions = {
  which: 'latest',
  store: undefined,
  identityFile: undefined,
  scratch: undefined,
  influxd: undefined,
  patienceMs: 0,
  log: silentLog,
  onProgress: () => {},
};

/** A machine whose journal and InfluxDB (three days in bucket `energy`) are backed up. */
async function backedUp() {
  const influxd = await startInfluxd();
  const tokens = await fill(influxd.url);
  const access: InfluxAccess = { url: influxd.url, token: tokens.operator, org: 'home' };
  const proxy = await FaultProxy.start(access.url);
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  fillJournal(path('state'), secondsFrom(FIRST_S, 10));
  writeFileSync(path('operator'), access.token, { mode: 0o600 });
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  const backup = {
    unencrypted: true,
    stores: [{ directory: path('place') }],
    databases: [{ operatorTokenFile: path('operator') }],
  };
  const influxdb = { url: proxy.url, org: 'home', timeout: '2s' };
  writeFileSync(path('config'), JSON.stringify({ stateDir: path('state'), meters, influxdb, backup }));
  const machine = configured(path('config'));
  const [run] = await runAll(machine, { agentVersion: '0', log: silentLog });
  expect(run?.problem).toBeUndefined();
  const tryOut = async (options: Partial<DrillOptions> = {}) => {
    const { parts } = await drill(machine, { ...OPTIONS, ...options });
    return parts.find(({ name }) => name === 'databases/influxdb');
  };
  return { influxd, access, proxy, tryOut, path };
}

const clean = async (access: InfluxAccess) => expect(await bucketNames(access)).toEqual(['energy', 'other']);

describe('beside the live buckets', () => {
  test('every point is compared with the live bucket, which goes on; nothing stays', async (context) => {
    requireInfluxd(context);
    const { access, tryOut } = await backedUp();
    const before = await pointsOf(access, 'energy');
    const nowS = Math.floor(Date.now() / 1000);
    await write(access.url, access.token, linesOf([nowS, nowS + 1]));
    const part = await tryOut();
    expect(part).toMatchObject({
      done: expect.stringMatching(/^restored, 60 values \(.* MB\), 60 of them compared with the live ones$/),
      problems: [],
    });
    await clean(access);
    expect((await pointsOf(access, 'energy')).length).toBe(before.length + 2);
  });

  test('what either has lost, and what has other values, is found', async (context) => {
    requireInfluxd(context);
    const { access, tryOut } = await backedUp();
    const [lost, other, more] = [0, 1, 2].map((day) => FIRST_S + day * 86_400) as [number, number, number];
    await api(access, 'POST', '/api/v2/delete?org=home&bucket=energy', {
      start: new Date(lost * 1000).toISOString(),
      stop: new Date((lost + 5) * 1000 - 1).toISOString(),
    });
    await write(access.url, access.token, [`energy,meter=house voltage=231.75 ${other}`]);
    await write(access.url, access.token, linesOf([more + 3000]));
    expect((await tryOut())?.problems).toEqual([
      'energy, energy voltage of 2026-03-01: 20 values in the backup, 15 live',
      'energy, energy voltage of 2026-03-02: 20 values, others',
      'energy, energy voltage of 2026-03-03: 20 values in the backup, 21 live',
    ]);
    await clean(access);
  });

  test('what a drill that was killed has left goes; a bucket that is none of its own stays, and is told', async (context) => {
    requireInfluxd(context);
    const { access, proxy, tryOut } = await backedUp();
    proxy.faultFor = (path) => (path.includes('/restore/shards') ? { kind: 'hang' } : undefined);
    expect(await tryOut()).toMatchObject({ done: 'not tried', problems: [expect.stringMatching(/shard/)] });
    proxy.faultFor = () => undefined;
    await clean(access);
    const orgs = await api<{ orgs: { id: string }[] }>(access, 'GET', '/api/v2/orgs?org=home');
    const make = (description: string) =>
      api<{ id: string }>(access, 'POST', '/api/v2/buckets', {
        ...{ orgID: orgs.body.orgs[0]?.id, name: 'energy-drill', retentionRules: [], description },
      });
    await make('energy-monitor: restored on trial, may be removed');
    expect((await tryOut())?.problems).toEqual([]);
    await clean(access);
    await make('my own');
    expect(await tryOut()).toMatchObject({
      problems: [expect.stringMatching(/no drill has made \(rename or delete it/)],
    });
    expect(await bucketNames(access)).toContain('energy-drill');
  });

  test('a server that is away, or a bucket that is gone, is a problem of its own', async (context) => {
    requireInfluxd(context);
    const { access, influxd, tryOut } = await backedUp();
    const { body } = await api<{ buckets: { id: string }[] }>(access, 'GET', '/api/v2/buckets?name=energy');
    await api(access, 'DELETE', `/api/v2/buckets/${body.buckets[0]?.id}`);
    expect((await tryOut())?.problems).toEqual(['bucket energy of the backup is not in the server any more']);
    expect(await bucketNames(access)).toEqual(['other']);
    await influxd.end();
    expect(await tryOut()).toMatchObject({ done: 'not tried', problems: [expect.stringMatching(/cannot be asked/)] });
  });
});

describe('in a server of its own', () => {
  test('the live one is only asked', async (context) => {
    requireInfluxd(context);
    const { access, proxy, tryOut, path } = await backedUp();
    const asked: string[] = [];
    proxy.faultFor = (url) => void asked.push(url);
    const part = await tryOut({ influxd: influxdProgram() ?? 'influxd' });
    expect(part).toMatchObject({ done: expect.stringMatching(/^restored, 60 values .* 60 of them/), problems: [] });
    expect(asked.filter((url) => /restore|backup/.test(url))).toEqual([]);
    expect(readdirSync(path('state'))).not.toContain('energy-monitor-drill');
    await clean(access);
  });

  test('a program that is none is a sentence', async () => {
    const at = () => join(temporaryDirectory(), 'server');
    await expect(startScratchInfluxd('/nowhere/influxd', at())).rejects.toMatchObject({
      code: 'config',
      message: '/nowhere/influxd cannot be started for a drill: it is not there',
    });
    await expect(startScratchInfluxd('/bin/false', at())).rejects.toThrow(/for a drill: it ended with code 1/);
  });
});
