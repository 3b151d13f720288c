import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { contents, newKeys, openRepository } from '../support/backups.ts';
import { finished } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { requireInfluxd, setUp, startInfluxd } from '../support/influxd.ts';
import { temporaryDirectory } from '../support/temporary.ts';

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
