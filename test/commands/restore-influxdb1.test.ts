import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newKeys } from '../support/backups.ts';
import { finished } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { Influxdb1, influxd1Program, requireInfluxd1 } from '../support/influxdb1.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIRST_S = 1_772_323_200;

test('an InfluxDB 1.8 beside the live databases, in place where they are gone, and on trial', async (context) => {
  requireInfluxd1(context);
  const server = await Influxdb1.start();
  await server.query('CREATE DATABASE energy');
  await server.query('CREATE DATABASE host');
  const lines = Array.from({ length: 40 }, (_, i) => `energy,meter=house voltage=${230 + (i % 5)} ${FIRST_S + i}000`);
  await server.write('energy', lines);
  await server.write('host', [`host,host=pi load_1m=0.25 ${FIRST_S}000`]);
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  const keys = await newKeys();
  writeFileSync(path('key'), keys.identity, { mode: 0o600 });
  const backup = {
    recipient: keys.recipient,
    stores: [{ directory: path('place') }],
    databases: [{ sink: 'old', influxd: influxd1Program(), rpc: `127.0.0.1:${server.rpcPort}` }],
    drill: { identityFile: path('key') },
  };
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  const influxdb = { name: 'old', url: server.url };
  writeFileSync(path('config'), JSON.stringify({ stateDir: path('state'), meters, influxdb, backup }));
  const run = (...args: string[]) => finished([...args, '--config', path('config')]);
  const restore = (...args: string[]) =>
    run('restore-influxdb', '--sink', 'old', '--identity-file', path('key'), ...args);
  fillJournal(path('state'), secondsFrom(FIRST_S, 10));
  expect(await run('backup', 'run')).toMatchObject({ code: 0, err: '' });

  const drilled = await run('backup', 'drill');
  expect(drilled).toMatchObject({ code: 0, err: '' });
  expect(drilled.out).toMatch(/^ {2}databases\/old {2}restored, 41 values, 41 of them compared with the live ones$/m);
  const names = async () => JSON.stringify(await server.query('SHOW DATABASES'));
  expect(await names()).not.toMatch(/scratch/);

  const beside = await restore('--bucket', 'energy');
  expect(beside).toMatchObject({ code: 0, err: '' });
  expect(beside.out).toMatch(
    /^energy as energy_restored: 1 shards, .* 40 values\n {2}beside the live energy: 1 days of fields, all the same/m,
  );
  const taken = await restore('--swap');
  expect(taken).toMatchObject({ code: 78, err: expect.stringMatching(/energy/) });
  await server.query('DROP DATABASE energy');
  await server.query('DROP DATABASE host');
  const swapped = await restore('--swap');
  expect(swapped).toMatchObject({ code: 0, err: '' });
  expect(swapped.out).toMatch(/^energy as energy: 1 shards, .* 40 values$/m);
  expect(swapped.out).toMatch(/^what the journal has from .* on is sent again$/m);
  const [points] = (await server.query('SELECT count(voltage) FROM energy', 'energy')) as [{ values: number[][] }];
  expect(points.values[0]?.[1]).toBe(40);
  expect(await restore('--full')).toMatchObject({ code: 64, err: expect.stringMatching(/database by database/) });
});
