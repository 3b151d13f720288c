import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { azuriteForAll } from '../support/azurite.ts';
import { finished } from '../support/child.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const azurite = azuriteForAll();
const FIRST_S = 1_772_323_200;
const DAY_MS = 86_400_000;

/** A journal, and a configuration with a disk and a container, whose SAS has these rights. */
async function prepared(rights: string | undefined, more: Parameters<ReturnType<typeof azurite>['sas']>[2] = {}) {
  const directory = temporaryDirectory();
  const [stateDir, place, config, sasFile] = ['state', 'place', 'config.yaml', 'sas'].map((name) =>
    join(directory, name),
  ) as [string, string, string, string];
  const container = await azurite().container();
  const proxy = await FaultProxy.start(azurite().url);
  const sas = azurite().sas(container, rights, more);
  writeFileSync(sasFile, `?${sas}\n`, { mode: 0o600 });
  const azure = azurite().urlOf(container, proxy.url);
  const stores = [{ directory: place }, { azure, sasFile }];
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  writeFileSync(config, JSON.stringify({ stateDir, meters, backup: { unencrypted: true, stores } }));
  fillJournal(stateDir, secondsFrom(FIRST_S, 100));
  const run = (...args: string[]) => finished(['backup', ...args, '--config', config]);
  const status = () => finished(['status', '--config', config]);
  return { run, status, place, stateDir, sasFile, sas, container, proxy };
}

function textsBelow(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}

test('a cloud that is away leaves the local copy good and the upload owed; no secret is anywhere', async () => {
  const { run, status, place, stateDir, sas, proxy } = await prepared('rcl', {
    expiresOn: new Date(Date.now() + 99 * DAY_MS),
  });
  const said: string[] = [];
  const say = ({ out, err, code }: { out: string; err: string; code: number | null }) => {
    said.push(out, err);
    return { out, err, code };
  };
  const first = say(await run('run'));
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(first.out).toMatch(/^backup 1 in directory: .* verified\nbackup 1 in azure: 10\d readings .* verified\n$/);
  await proxy.refuse();
  fillJournal(stateDir, secondsFrom(FIRST_S + 1000, 50));
  for (let i = 2; i < 4; i++) {
    const away = say(await run('run'));
    expect(away).toMatchObject({ code: 69, err: expect.stringMatching(/^energy-monitor: .*\n {2}.*\n$/) });
    expect(away.out).toMatch(new RegExp(`^backup ${i} in directory: .* verified\nno backup in azure: `));
  }
  expect(say(await status()).out).toMatch(
    /^ {2}problem {3}no whole backup in azure: [^\n]*\(2 times in a row\)$.*^backup {6}directory: backup 3 is [^\n]*\nbackup {6}azure: backup 1 is /ms,
  );
  await proxy.accept();
  expect(say(await run('run', '--store', 'azure'))).toMatchObject({ code: 0, err: '' });
  const verified = say(await run('verify', '--all', '--store', 'azure'));
  expect(verified).toMatchObject({ code: 0, out: expect.stringMatching(/^azure: 2 backups, .*whole\n$/) });
  expect(say(await status()).out).toMatch(
    /^backup {6}azure: backup 2 is .* old, found whole \d+ s ago, its credential ends in 99 days$/m,
  );
  const signature = new URLSearchParams(sas).get('sig') ?? '';
  for (const text of [...said, textsBelow(place), textsBelow(stateDir)]) {
    for (const form of [signature, encodeURIComponent(signature)]) expect(text).not.toContain(form);
  }
});

test('a credential that may create only: no lock is left, prune says who may, the retention of the disk goes on', async () => {
  const { run, container } = await prepared('rcl');
  for (let i = 0; i < 2; i++) expect(await run('run')).toMatchObject({ code: 0, err: '' });
  const names: string[] = [];
  for await (const { name } of container.listBlobsFlat()) names.push(name);
  expect(names).not.toContain('lock');
  expect(names.filter((name) => name.startsWith('snapshots/'))).toHaveLength(2);
  expect(await run('prune', '--store', 'azure')).toMatchObject({
    code: 77,
    err: expect.stringMatching(/right to delete/),
  });
  expect(await run('prune', '--store', 'azure', '--dry-run')).toMatchObject({ code: 0 });
});

test('with the right to delete, the lock goes and old backups go', async () => {
  const { run, container } = await prepared('rcld');
  for (let i = 0; i < 2; i++) expect(await run('run', '--store', 'azure')).toMatchObject({ code: 0, err: '' });
  const names: string[] = [];
  for await (const { name } of container.listBlobsFlat()) names.push(name);
  expect(names).not.toContain('lock');
  expect(await run('prune', '--store', 'azure')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/0 backups gone/),
  });
});

test('a SAS is warned of 30 days before it ends, and said when it has', async () => {
  const soon = await prepared('rcl', { expiresOn: new Date(Date.now() + 10.5 * DAY_MS) });
  expect((await soon.run('run')).out).toMatch(/^azure: the credential ends in 1[01] days, on 20/m);
  expect((await soon.status()).out).toMatch(/^ {2}problem {3}the credential of azure ends in 1[01] days/m);
  const later = await prepared('rcl', { expiresOn: new Date(Date.now() + 40 * DAY_MS) });
  expect((await later.run('run')).out).not.toMatch(/credential ends/);
  const ended = await prepared('rcl', {
    startsOn: new Date(Date.now() - 2 * DAY_MS),
    expiresOn: new Date(Date.now() - DAY_MS),
  });
  const result = await ended.run('run');
  expect(result.code).toBe(77);
  expect(result.out).toMatch(
    /^backup 1 in directory: .*\nno backup in azure: .*\nazure: the credential has ended on 20/m,
  );
});

test('a SAS under a policy that is revoked, a file that is not there: the local copy is made', async () => {
  const { run, container, sasFile } = await prepared(undefined, { identifier: 'agent' });
  await azurite().setPolicy(container, 'agent', 'rcl');
  expect(await run('run')).toMatchObject({ code: 0, err: '' });
  await azurite().setPolicy(container, 'agent', undefined);
  const revoked = await run('run');
  expect(revoked).toMatchObject({ code: 77, out: expect.stringMatching(/^backup 2 in directory: .* verified\n/) });
  rmSync(sasFile);
  const without = await run('run');
  expect(without).toMatchObject({ code: 78, out: expect.stringMatching(/^backup 3 in directory: .* verified\n/) });
  expect(without.err).toContain(sasFile);
});
