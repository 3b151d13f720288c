import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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
  expect(list.out).toMatch(/^ {5}2 {2}20\S+ {2} +\d\.\d kB {2}verified when written\n {5}3 {2}20.*\n$/);
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
  expect(result).toMatchObject({ code: 74, err: expect.stringMatching(/1 problems were found/) });
  expect(result.out).toContain(`objects/${first}/${object} is damaged`);
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
