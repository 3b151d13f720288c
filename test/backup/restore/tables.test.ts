import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../../agent/backup/directory-store.ts';
import { restore } from '../../../agent/backup/restore/restore.ts';
import { ConfigurationSource } from '../../../agent/backup/sources/configuration.ts';
import { loadConfig } from '../../../agent/config/load.ts';
import { TABLE_BYTES } from '../../../agent/config/table.ts';
import { backUp, newKeys } from '../../support/backups.ts';
import { finished } from '../../support/child.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const FIRST_S = 1_772_323_200;

const table = (name: string) => `# bought in 2019, register list in the drawer
name: ${name}
maxPower: 15000
registers:
  - {quantity: voltage, address: 0x0010, type: u16, scale: 0.1, unit: V}   # as the list has it
`;

/** A Pi whose meters are of tables: beside the configuration, below it, by an absolute path, and elsewhere. */
async function pi() {
  const directory = temporaryDirectory();
  const path = (...names: string[]) => join(directory, ...names);
  const keys = await newKeys();
  writeFileSync(path('key'), `${keys.identity}\n`);
  const tables = { beside: 'house/beside.yaml', below: 'house/meters/a b.yml', absolute: 'house/absolute.yaml' };
  for (const [name, file] of Object.entries({ ...tables, elsewhere: 'elsewhere.yaml' })) {
    mkdirSync(dirname(path(file)), { recursive: true });
    writeFileSync(path(file), table(name));
  }
  const models = ['./beside.yaml', 'meters/a b.yml', path('house/absolute.yaml'), '../elsewhere.yaml', './beside.yaml'];
  const meters = models.map((model, i) => ({ name: `m${i}`, model, unit: i + 1, connection: { serial: '/dev/x' } }));
  const stores = [{ directory: path('place') }];
  const config = { stateDir: path('state'), meters, backup: { recipient: keys.recipient, stores } };
  writeFileSync(path('house/config.yaml'), JSON.stringify(config));
  fillJournal(path('state'), secondsFrom(FIRST_S, 5));
  const run = (...args: string[]) => finished([...args, '--config', path('house/config.yaml')]);
  const from = ['--from', path('place'), '--identity-file', path('key')];
  const restoreTo = (house: string) =>
    finished(['restore', ...from, '--state-dir', join(house, 'state'), '--config', join(house, 'config.yaml')]);
  return { path, run, restoreTo };
}

/** All that lies below a directory, as text. */
function everything(directory: string): string {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')).join('\n');
}

test('register tables come back with the configuration that names them, encrypted on the way', async () => {
  const { path, run, restoreTo } = await pi();
  const backup = await run('backup', 'run');
  expect([backup.code, backup.err]).toEqual([0, expect.stringContaining(path('elsewhere.yaml'))]);
  expect(backup.err).not.toContain('beside.yaml');
  expect(everything(path('place'))).not.toContain('drawer');
  const drill = await run('backup', 'drill', '--identity-file', path('key'));
  expect([drill.code, drill.err, drill.out]).toEqual([0, '', expect.stringMatching(/^ *config +read, and valid$/m)]);

  const house = path('new', 'house');
  const restored = await restoreTo(house);
  expect([restored.code, restored.err]).toEqual([0, '']);
  expect(restored.out).toContain(`register tables: ${house}/beside.yaml, ${house}/meters/a b.yml\n`);
  // One lay elsewhere; of the absolute one the directory is still the old one.
  expect(restored.out).toContain(`names files that are not here: ${path('new/elsewhere.yaml')}\n`);
  for (const file of ['beside.yaml', 'meters/a b.yml']) {
    expect(readFileSync(join(house, file), 'utf8')).toBe(readFileSync(path('house', file), 'utf8'));
  }
  writeFileSync(path('new/elsewhere.yaml'), table('elsewhere'));
  expect(loadConfig(join(house, 'config.yaml')).meters.map(({ table }) => table?.name)).toEqual([
    'beside',
    'below',
    'absolute',
    'elsewhere',
    'beside',
  ]);
});

test('a table that is there stays, and no link leads out of the directory', async () => {
  const { path, run, restoreTo } = await pi();
  await run('backup', 'run');
  const house = path('new');
  mkdirSync(house);
  mkdirSync(path('other'));
  writeFileSync(join(house, 'beside.yaml'), table('mine'));
  symlinkSync(path('other'), join(house, 'meters'));
  expect((await restoreTo(house)).out).toContain('names files that are not here: ');
  expect(readFileSync(join(house, 'beside.yaml'), 'utf8')).toBe(table('mine'));
  expect(readdirSync(path('other'))).toEqual([]);
  expect(existsSync(join(house, 'config.yaml'))).toBe(true);
});

test('a drill of a backup that lacks a table, or has a broken one, says so', async () => {
  const { path, run } = await pi();
  await run('backup', 'run');
  const text = readFileSync(path('house/config.yaml'), 'utf8');
  const tables = new Map([['beside.yaml', 'name: UPPER']]);
  const stateDir = path('state');
  await backUp(stateDir, await DirectoryStore.open(path('plain')), {
    sources: [new ConfigurationSource(text, tables)],
  });
  const stores = [{ directory: path('plain') }];
  writeFileSync(
    path('house/config.yaml'),
    JSON.stringify({ ...JSON.parse(text), backup: { unencrypted: true, stores } }),
  );
  const { code, out } = await run('backup', 'drill');
  expect(code).toBe(74);
  expect(out).toContain('the backup has no register table meters/a b.yml, which its configuration names');
  expect(out).toMatch(/beside\.yaml has \d mistakes:/);
});

test('what a forged backup names outside of the directory, or makes endless, is not written', async () => {
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(FIRST_S, 5));
  const target = temporaryDirectory();
  const house = join(target, 'house');
  const outside = join(target, 'evil.yaml');
  const names = ['../evil.yaml', outside, './config.yaml', './large.yaml', './good.yaml', 'a/../../evil.yaml'];
  const text = JSON.stringify({ meters: names.map((model) => ({ model })) });
  const files = [...names, 'evil.yaml', 'not-named.yaml'].map((name) => [name, table('evil')] as const);
  const tables = new Map([
    ...files,
    ['config.yaml', 'meters: []'],
    ['large.yaml', ' '.repeat(TABLE_BYTES + 1)],
    ['good.yaml', table('good')],
  ]);
  const place = temporaryDirectory();
  await backUp(stateDir, await DirectoryStore.open(place), { sources: [new ConfigurationSource(text, tables)] });
  const report = await restore({
    store: { directory: place, writeOnly: true },
    stateDir: join(target, 'state'),
    identityFile: undefined,
    which: 'latest',
    merge: false,
    configFile: join(house, 'config.yaml'),
    dryRun: false,
  });
  expect(report.config?.tables).toEqual([join(house, 'good.yaml')]);
  expect(readdirSync(house).sort()).toEqual(['config.yaml', 'good.yaml']);
  expect(readFileSync(join(house, 'config.yaml'), 'utf8')).toContain('evil.yaml');
  expect(readdirSync(target).sort()).toEqual(['house', 'state']);
});
