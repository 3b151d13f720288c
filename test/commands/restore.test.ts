import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { JournalReader } from '../../agent/journal/reader.ts';
import { azuriteForAll } from '../support/azurite.ts';
import { newKeys } from '../support/backups.ts';
import { finished } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const azurite = azuriteForAll();
const FIRST_S = 1_772_323_200;

/** A Pi whose journal is in a container and in a directory; a key file, a SAS file. */
async function lostPi() {
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  const keys = await newKeys();
  writeFileSync(path('key'), `# the recovery key\n${keys.identity}\n`);
  const container = await azurite().container();
  writeFileSync(path('sas'), azurite().sas(container, 'rcl'), { mode: 0o600 });
  writeFileSync(path('token'), 'the writers token', { mode: 0o600 });
  const azure = azurite().urlOf(container);
  const newPi = path('new');
  writeFileSync(
    path('config.yaml'),
    `# the house
stateDir: ${path('state')}
meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]
influxdb: {url: http://localhost:1, token: very-secret-token}
backup:
  recipient: ${keys.recipient}
  stores:
    - {directory: ${path('place')}}
    - {azure: "${azure}", sasFile: ${path('sas')}}
`,
  );
  fillJournal(path('state'), secondsFrom(FIRST_S, 500));
  const backup = () => finished(['backup', 'run', '--config', path('config.yaml')]);
  const restore = (...args: string[]) =>
    finished(['restore', ...args, '--state-dir', join(newPi, 'state'), '--config', join(newPi, 'config.yaml')]);
  return { path, azure, newPi, backup, restore };
}

function energyReadings(stateDir: string) {
  const reader = new JournalReader(stateDir);
  const readings = reader.readings({ fromMs: 0, toMs: 4e12 }).filter(({ series }) => series.measurement === 'energy');
  reader.close();
  return readings;
}

test('a new Pi from an empty directory, with the recovery key and the SAS alone: configuration, journal, and its backups go on', async () => {
  const { path, azure, newPi, backup, restore } = await lostPi();
  for (let i = 0; i < 2; i++) expect(await backup()).toMatchObject({ code: 0, err: '' });
  const from = ['--from', azure, '--sas-file', path('sas'), '--identity-file', path('key')];
  const listed = await restore(...from, '--list');
  expect(listed).toMatchObject({ code: 0, err: '' });
  expect(listed.out).toMatch(
    /^azure \(http.*\)\n {5}1 {2}20.*Z +0 min old +[\d.]+ kB {2}not verified here\n {5}2 {2}20.*Z +0 min old/,
  );
  const dry = await restore(...from, '--dry-run');
  expect(dry).toMatchObject({ code: 0, err: '' });
  expect(dry.out).toMatch(
    /^backup 2 of \S+ in http.*, made 20.*\nwould restore readings 500 of energy, .* into .* \(1 MB\)\n\d+ objects are there, all that it needs\n/,
  );
  expect(existsSync(newPi)).toBe(false);
  const result = await restore(...from);
  expect(result).toMatchObject({ code: 0, err: '' });
  expect(result.out).toMatch(
    /: readings 500 of energy, \d+ of backup; 50\d are new here\nconfiguration in .*\n {2}write again what is \*\*\* in it: .*token/,
  );
  expect(energyReadings(join(newPi, 'state'))).toEqual(energyReadings(path('state')));
  const config = readFileSync(join(newPi, 'config.yaml'), 'utf8');
  expect(config).toContain('# the house');
  expect(config).not.toContain('very-secret');

  // The next backup of the new Pi: the sequence goes on, nothing travels again, nobody asks whose it is.
  writeFileSync(join(newPi, 'config.yaml'), config.replaceAll(path('state'), join(newPi, 'state')));
  const next = await finished(['backup', 'run', '--store', 'azure', '--config', join(newPi, 'config.yaml')]);
  expect(next).toMatchObject({ code: 0, err: '' });
  expect(next.out).toMatch(/^backup 3 in azure: 50\d readings in .*, [0-3] new objects/);
  const verified = await finished([
    'backup',
    'verify',
    '--all',
    '--store',
    'azure',
    '--identity-file',
    path('key'),
    '--config',
    join(newPi, 'config.yaml'),
  ]);
  expect(verified).toMatchObject({ code: 0, out: expect.stringMatching(/^azure: 3 backups, .*whole\n$/) });
});

test('an older backup is restored: the newer ones stay until a person has pruned; the old machine, should it come back, is refused', async () => {
  const { path, newPi, backup, restore } = await lostPi();
  await backup();
  fillJournal(path('state'), secondsFrom(FIRST_S + 5000, 500));
  await backup();
  const from = ['--from', path('place'), '--identity-file', path('key')];
  expect(await restore('1', ...from)).toMatchObject({ code: 0, out: expect.stringMatching(/readings 500 of energy/) });
  const config = join(newPi, 'config.yaml');
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(path('state'), join(newPi, 'state')));
  const next = await finished(['backup', 'run', '--store', 'directory', '--config', config]);
  expect(next).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^backup 3 .*\nno old backup goes .*less than the backups/),
  });
  expect(await backup()).toMatchObject({ code: 78, err: expect.stringMatching(/of another machine/) });
});

test('a dry run tells what stands in the way: objects that are gone, a journal that is there', async () => {
  const { path, newPi, backup, restore } = await lostPi();
  await backup();
  const from = ['--from', path('place'), '--identity-file', path('key'), '--dry-run'];
  const there = await finished(['restore', ...from, '--state-dir', path('state'), '--config', join(newPi, 'c.yaml')]);
  expect(there).toMatchObject({ code: 74, err: expect.stringMatching(/there is a journal in .*\n {2}restore into/) });
  const objects = readdirSync(join(path('place'), 'objects'), { recursive: true, withFileTypes: true });
  // Whichever it is, also that of the configuration.
  for (const { parentPath, name } of objects.filter((one) => one.isFile())) {
    const object = join(parentPath, name);
    renameSync(object, `${object}.gone`);
    const short = await restore(...from);
    expect(short).toMatchObject({
      code: 74,
      err: expect.stringMatching(/1 problems were found\n {2}use another backup/),
    });
    expect(short.out).toMatch(/^problem: \S+ is gone$/m);
    renameSync(`${object}.gone`, object);
  }
  expect(existsSync(newPi)).toBe(false);
});

test('mistakes: one sentence each, and nothing is made', async () => {
  const { path, azure, newPi, backup, restore } = await lostPi();
  await backup();
  const other = await newKeys();
  writeFileSync(path('other'), other.identity);
  const cases: [string[], number, RegExp][] = [
    [['--from', path('place')], 78, /the backup is encrypted\n {2}name the recovery key with --identity-file/],
    [
      ['--from', path('place'), '--identity-file', path('other')],
      78,
      /the recovery key is another than that of the backup/,
    ],
    [['--from', path('place'), '--identity-file', path('nothing')], 78, /recovery key .* is not there/],
    [['--from', path('nowhere'), '--identity-file', path('key')], 74, /there is no backup in/],
    [
      ['9', '--from', path('place'), '--identity-file', path('key')],
      64,
      /there is no backup 9 in .*\n {2}it has 1 to 1/,
    ],
    [['--from', azure, '--identity-file', path('key')], 64, /needs a credential\n {2}write its SAS into a file/],
    [['--from', `${azure}?sig=abcdefgh`, '--identity-file', path('key')], 64, /needs a credential/],
  ];
  for (const [args, code, sentence] of cases) {
    const result = await restore(...args);
    expect(result, args.join(' ')).toMatchObject({ code, err: expect.stringMatching(sentence) });
    expect(result.err).not.toMatch(/ at .*\.ts|abcdefgh/);
  }
  expect(existsSync(newPi) ? readdirSync(newPi, { recursive: true }) : []).toEqual([]);
  const identity = ['--identity-file', path('key')];
  expect(await restore('--from', path('place'), ...identity)).toMatchObject({ code: 0 });
  expect(await restore('--from', path('place'), ...identity)).toMatchObject({
    code: 74,
    err: expect.stringMatching(/there is a journal in .* already\n {2}.*add what is missing in it with --merge/),
  });
  expect(await restore('--from', path('place'), ...identity, '--merge')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/; 0 are new here\n$/),
  });
});
