import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { contents, newKeys, openRepository } from '../support/backups.ts';
import { finished } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { requireInfluxd, setUp, startInfluxd } from '../support/influxd.ts';
import { Influxdb1, influxd1Program, requireInfluxd1 } from '../support/influxdb1.ts';
import { requireProgram } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';

const FIRST_S = 1_772_323_200;

test('InfluxDB beside the journal: all of it encrypted, without its credentials in the clear; away it is left out and said', async (context) => {
  requireInfluxd(context);
  const server = await startInfluxd();
  const { url, token } = await setUp(server.url);
  const line = `energy,meter=house voltage=230.1 ${FIRST_S}000`;
  const write = `${url}/api/v2/write?org=home&bucket=energy&precision=ms`;
  await fetch(write, { method: 'POST', headers: { authorization: `Token ${token}` }, body: line });
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  const keys = await newKeys();
  const config = (name: string, backup: object, databases: object[]) => {
    const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
    const stores = [{ directory: path(`place-${name}`) }];
    const all = { stateDir: path('state'), meters, influxdb: { url }, backup: { ...backup, stores, databases } };
    writeFileSync(path(name), JSON.stringify(all));
    return path(name);
  };
  fillJournal(path('state'), secondsFrom(FIRST_S, 100));
  writeFileSync(path('operator'), token, { mode: 0o600 });
  const databases = [{ operatorTokenFile: path('operator') }];
  const paths = async (name: string) => {
    const repository = await openRepository(DirectoryStore.at(path(`place-${name}`)), keys);
    const newest = (await repository.names()).at(-1) ?? '';
    return [...(await contents(repository, newest)).keys()].filter((one) => one.startsWith('databases/'));
  };

  const sealed = config('sealed', { recipient: keys.recipient }, databases);
  expect(await finished(['backup', 'run', '--config', sealed])).toMatchObject({ code: 0, err: '' });
  expect(await paths('sealed')).toEqual(
    expect.arrayContaining([
      'databases/influxdb/metadata/kv',
      'databases/influxdb/buckets.json',
      expect.stringMatching(/^databases\/influxdb\/shards\/\d+\/.*\.tsm$/),
    ]),
  );
  const open = config('open', { unencrypted: true }, databases);
  expect(await finished(['backup', 'run', '--config', open])).toMatchObject({ code: 0, err: '' });
  const kept = await paths('open');
  expect(kept).toContain('databases/influxdb/buckets.json');
  expect(kept.filter((one) => one.includes('/metadata/'))).toEqual([]);

  const without = config('without', { unencrypted: true }, [{}]);
  const refused = await finished(['backup', 'run', '--config', without]);
  expect(refused).toMatchObject({
    code: 69,
    err: expect.stringMatching(/lacks databases\/influxdb\n.*operator token/),
  });
  expect(refused.out).toMatch(/^backup 1 in directory: .* verified\nwithout databases\/influxdb: /);
  rmSync(path('operator'));
  expect((await finished(['backup', 'run', '--config', sealed])).code).toBe(69);
});

test('VictoriaMetrics beside the journal: what it got is in the backup', async (context) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start();
  const nowS = Math.floor(Date.now() / 1000);
  const lines = `energy,meter=house voltage=230.1 ${nowS - 60}000\nforeign,a=b voltage=1 ${nowS - 60}000`;
  await fetch(`${server.url}/api/v2/write?precision=ms`, { method: 'POST', body: lines });
  await fetch(`${server.url}/internal/force_flush`);
  const directory = temporaryDirectory();
  const [stateDir, place, config] = ['state', 'place', 'config'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  const backup = { unencrypted: true, stores: [{ directory: place }], databases: [{ sink: 'vm' }] };
  writeFileSync(config, JSON.stringify({ stateDir, meters, influxdb: { name: 'vm', url: server.url }, backup }));
  fillJournal(stateDir, secondsFrom(FIRST_S, 100));
  expect(await finished(['backup', 'run', '--config', config])).toMatchObject({ code: 0, err: '' });
  const repository = await openRepository(DirectoryStore.at(place));
  const kept = [...(await contents(repository, (await repository.names())[0] ?? ''))];
  const text = kept.filter(([path]) => path.startsWith('databases/vm/')).join('\n');
  expect(text).toContain('energy_voltage');
  expect(text).not.toContain('foreign');
  expect((await finished(['backup', 'verify', '--all', '--config', config])).code).toBe(0);
});

test('InfluxDB 1 beside the journal, by its own program; its password hashes stay out of what is not encrypted', async (context) => {
  requireInfluxd1(context);
  const server = await Influxdb1.start();
  for (const database of ['energy', 'host']) await server.query(`CREATE DATABASE "${database}"`);
  await server.write('energy', [`energy,meter=house voltage=230.1 ${FIRST_S}000`]);
  const directory = temporaryDirectory();
  const keys = await newKeys();
  const run = (backup: object, name: string) => {
    const config = join(directory, name);
    const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
    const databases = [{ influxd: influxd1Program(), rpc: `127.0.0.1:${server.rpcPort}` }];
    const all = { ...backup, stores: [{ directory: join(directory, `place-${name}`) }], databases };
    const stateDir = join(directory, 'state');
    writeFileSync(config, JSON.stringify({ stateDir, meters, influxdb: { url: server.url }, backup: all }));
    return finished(['backup', 'run', '--config', config]);
  };
  fillJournal(join(directory, 'state'), secondsFrom(FIRST_S, 100));
  expect(await run({ recipient: keys.recipient }, 'sealed')).toMatchObject({ code: 0, err: '' });
  const repository = await openRepository(DirectoryStore.at(join(directory, 'place-sealed')), keys);
  const kept = [...(await contents(repository, (await repository.names())[0] ?? '')).keys()];
  expect(kept).toContainEqual(expect.stringMatching(/^databases\/influxdb\/energy\/shards\/\d+\/.*\.tsm$/));
  const open = await run({ unencrypted: true }, 'open');
  expect(open).toMatchObject({ code: 69, err: expect.stringMatching(/lacks databases\/influxdb\n.*passwords/) });
});
