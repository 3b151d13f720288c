import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { contents, newKeys, openRepository } from '../support/backups.ts';
import { finished } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A journal of a day, and a configuration with this `backup`. */
function prepared(backup: (directory: string) => unknown) {
  const directory = temporaryDirectory();
  const [stateDir, place, config] = ['state', 'place', 'config.yaml'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  writeFileSync(config, JSON.stringify({ stateDir, meters, backup: backup(place) }));
  fillJournal(stateDir, secondsFrom(1_772_323_200, 100));
  const run = (...args: string[]) => finished(['backup', ...args, '--config', config]);
  return { run, place, stateDir, directory };
}

test('from a key to a verified backup, and back with the key; what is kept tells its reason', async () => {
  const { out } = await finished(['backup', 'keygen']);
  const identity = /^AGE-SECRET-KEY-\w+$/m.exec(out)?.[0] ?? '';
  const recipient = /recipient: (age1\w+)/.exec(out)?.[1];
  const { run, place, stateDir, directory } = prepared((place) => ({
    stores: [{ directory: place, keepLast: 2 }],
    recipient,
  }));
  expect(await run('run')).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(
      /^backup 1 in directory: 100 readings in 3 files \(.*\), 3 new objects \(.*\), verified\n$/,
    ),
  });
  for (const _ of [2, 3]) expect((await run('run')).code).toBe(0);
  const list = await run('list');
  expect(list.out).toMatch(/^ {5}2 {2}20\S+ +\d+ min old +\d\.\d kB {2}verified when written\n {5}3 {2}20.*\n$/);
  const keyFile = join(directory, 'key');
  writeFileSync(keyFile, `# a comment\n${identity}\n`);
  expect((await run('verify', '--all', '--identity-file', keyFile)).out).toMatch(
    /^directory: 2 backups, \d objects, \d read back, \d files opened: whole\n$/,
  );
  expect((await run('prune', '--dry-run')).out).toMatch(
    / {5}3 {2}stays {2}the newest, the newest that was verified, among the last 2\ndirectory: 0 backups would go/,
  );
  // The secret half is nowhere on this machine but in that file.
  const stored = [place, stateDir].flatMap((at) =>
    readdirSync(at, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1')),
  );
  expect(stored.join('')).not.toContain(identity.slice(20));
});

test('damage ends verify with a code and names the object', async () => {
  const { run, place } = prepared((place) => ({ stores: [{ directory: place }], unencrypted: true }));
  await run('run');
  const [first = ''] = readdirSync(join(place, 'objects'));
  const [object = ''] = readdirSync(join(place, 'objects', first));
  const path = join(place, 'objects', first, object);
  const bytes = readFileSync(path);
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const result = await run('verify', '--all');
  expect(result).toMatchObject({ code: 74, err: expect.stringMatching(/2 problems were found/) });
  expect(result.out).toContain(`objects/${first}/${object} is damaged`);
  expect(result.out).toMatch(/^\S+ of backup 1 is gone or damaged$/m);
});

test.each([
  [undefined, [{}], ['run'], 78, /has no backup\n {2}make a key with energy-monitor backup keygen/],
  [{}, [], ['run'], 78, /backup.stores: is \[\]; list at least one store/],
  [
    {},
    [{}],
    ['run'],
    78,
    /backup.recipient: is missing; write the public key that .*keygen gave you, or unencrypted: true/,
  ],
  [{ recipient: 'AGE-SECRET-KEY-1QQQQQQQQ' }, [{}], ['run'], 78, /backup.recipient/],
  [{ unencrypted: true }, [{ keepLast: 0 }], ['prune'], 78, /backup.stores\[0\].keepLast: .*keep at least one backup/],
  [
    { unencrypted: true },
    [{}],
    ['run', '--store', 'cloud'],
    64,
    /there is no store cloud in .*\n {2}there is directory/,
  ],
  [
    { unencrypted: true },
    [{}, { name: 'second' }],
    ['show'],
    64,
    /several stores.*\n {2}name one of them: --store directory/,
  ],
  [{ unencrypted: true }, [{}, {}], ['run'], 78, /stores\[1\].*directory/],
  [{ unencrypted: true }, [{}], ['list'], 74, /there is no backup in .*\n {2}is the disk mounted\? Otherwise make one/],
])('backup: %j with the stores %j and %j ends with %i and one sentence', async (backup, stores, args, code, sentence) => {
  const { run } = prepared(
    (directory) => backup && { ...backup, stores: stores.map((one, i) => ({ directory: `${directory}${i}`, ...one })) },
  );
  const result = await run(...args);
  expect(result.code).toBe(code);
  expect(result.err).toMatch(sentence);
  expect(result.err).not.toMatch(/ at .*\.ts|1QQQQQQQQ/);
});

test('a place that cannot be written to is said, and nothing is left there', async () => {
  const { run, place } = prepared((place) => ({ stores: [{ directory: join(place, 'below') }], unencrypted: true }));
  writeFileSync(place, 'a file');
  const result = await run('run');
  expect(result).toMatchObject({
    code: 74,
    err: expect.stringMatching(/a part of its path is no directory\n {2}name another/),
  });
  expect(existsSync(join(place, 'below'))).toBe(false);
});

test('a store that fails holds up no other: said, remembered, in status, in the journal; the next run brings what is owed', async () => {
  const { run, place, stateDir, directory } = prepared((place) => ({
    unencrypted: true,
    stores: [{ directory: place }, { name: 'usb', directory: join(place, '../mounted/below') }],
  }));
  const mounted = join(directory, 'mounted');
  writeFileSync(mounted, 'no directory');
  for (let i = 0; i < 2; i++) {
    const result = await run('run');
    expect(result).toMatchObject({ code: 74, err: expect.stringMatching(/mounted\/below cannot be used/) });
    expect(result.out).toMatch(/^backup \d in directory: .* verified\nno backup in usb: backup directory .*\n$/);
  }
  const status = await finished(['status', '--state-dir', stateDir]);
  expect(status.out).toMatch(/^backup {6}directory: backup 2 is \d+ s old$/m);
  expect(status.out).toMatch(/^backup {6}usb: no whole backup yet$/m);
  expect(status.out).toMatch(
    /^ {2}problem {3}no whole backup in usb: backup .*directory \(2 times in a row\)\n {12}-> .*backup run --store usb/m,
  );
  rmSync(mounted);
  expect(await run('run')).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^backup 1 in usb: /m) });
  expect((await run('verify', '--all')).code).toBe(0);
  const report = JSON.parse((await finished(['status', '--json', '--state-dir', stateDir])).out);
  expect(report.backups.usb).toMatchObject({ owed: 0, good: { sequence: 1 }, verified: { problems: 0 } });
  const reader = new JournalReader(stateDir);
  const notes = reader.readings({ fromMs: 0, toMs: 4e12 }).filter(({ series }) => series.measurement === 'backup');
  reader.close();
  const owed = notes.filter(({ series, values }) => series.model === 'usb' && values.owed !== undefined);
  expect(owed.map(({ values }) => values.owed)).toEqual([1, 2, 0]);
  expect(notes.some(({ values }) => values.verify_problems === 0)).toBe(true);
  expect(existsSync(join(place, 'lock'))).toBe(false);
});

test('write-only: nothing is removed, no lock is left, prune says who may', async () => {
  const { run, place } = prepared((place) => ({
    unencrypted: true,
    stores: [{ directory: place, keepLast: 1, writeOnly: true }],
  }));
  for (let i = 0; i < 3; i++) expect(await run('run')).toMatchObject({ code: 0, err: '' });
  expect(readdirSync(join(place, 'snapshots'))).toHaveLength(3);
  expect(existsSync(join(place, 'lock'))).toBe(false);
  expect(await run('prune', '--dry-run')).toMatchObject({ code: 0, out: expect.stringMatching(/2 backups would go/) });
  expect(await run('prune', '--store', 'directory')).toMatchObject({
    code: 77,
    err: expect.stringMatching(/a credential that has the right/),
  });
  // Among all stores it is none of prune's business.
  expect(await run('prune')).toMatchObject({ code: 0, out: expect.stringMatching(/nothing may be removed from/) });
});

test('show tells what is in a backup, all of it only with the key', async () => {
  const keys = await newKeys();
  const { run, directory } = prepared((place) => ({ recipient: keys.recipient, stores: [{ directory: place }] }));
  await run('run');
  const closed = await run('show');
  expect(closed.out).toMatch(/^backup {6}1 in directory, verified when written\nmade {8}20.*\nstored {6}3 objects, /);
  expect(closed.out).toMatch(/^content {5}name the recovery key/m);
  expect(closed.out).not.toMatch(/journal|energy/);
  const key = join(directory, 'key');
  writeFileSync(key, keys.identity);
  const opened = await run('show', '1', '--identity-file', key);
  expect(opened.out).toMatch(/^readings {4}100 of energy$/m);
  expect(opened.out).toMatch(/^file .* kB {2}journal\/2026-03-01T00$/m);
  expect(opened.out).toMatch(/^file .* kB {2}config\/config.yaml$/m);
  expect(JSON.parse((await run('show', '--json')).out)).toMatchObject({ store: 'directory', objects: 3 });
  expect(await run('show', '7')).toMatchObject({ code: 64, err: expect.stringMatching(/there is no backup 7 in/) });
});

test('no secret of the configuration is in a backup, also in one that is not encrypted', async () => {
  const { run, place, directory } = prepared(() => undefined);
  const config = join(directory, 'config.yaml');
  const secret = 'verySecretToken1234567890';
  writeFileSync(
    config,
    `stateDir: ${join(directory, 'state')}
# the old token: ${secret}
meters:
  - {name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}
influxdb:
  url: http://localhost:8086
  token: ${secret} # token: ${secret}
backup:
  unencrypted: true
  stores: [{directory: ${place}}]
`,
  );
  expect(await run('run')).toMatchObject({ code: 0, err: '' });
  const repository = await openRepository(DirectoryStore.at(place));
  const [name = ''] = await repository.names();
  const kept = (await contents(repository, name)).get('config/config.yaml')?.toString() ?? '';
  expect(kept).toMatch(/token: "?\*\*\*"?/);
  expect(kept).toContain('url: http://localhost:8086');
  for (const content of (await contents(repository, name)).values())
    expect(content.toString('latin1')).not.toContain(secret);
});
