import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerClient } from '@azure/storage-blob';
import { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import {
  type GrantOptions,
  grant,
  grantsText,
  grantText,
  listGrants,
  revoke,
} from '../../../agent/backup/azure/grant.ts';
import type { Store } from '../../../agent/backup/store.ts';
import { addAzure } from '../../../agent/commands/azure.ts';
import { failureIn, namesOf, openQuickly, signatureOf } from '../../support/azure-stores.ts';
import { azuriteForAll } from '../../support/azurite.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const azurite = azuriteForAll();
const DAY_MS = 86_400_000;

const placeOf = (container: ContainerClient, at = azurite().url): GrantOptions => ({
  container: azurite().urlOf(container, at),
  connectionString: azurite().connectionString(at),
  pauseMs: 2,
});

const openWith = (container: ContainerClient, sasUrl: string): Promise<Store> =>
  openQuickly({ url: azurite().urlOf(container), credential: { kind: 'sas', text: sasUrl } });

const signatureIn = (sasUrl: string) => signatureOf(new URL(sasUrl).search);

test('a machine that was given rights backs up and reads, and can neither overwrite nor delete', async () => {
  const container = await azurite().container();
  const granted = await grant(placeOf(container), 'house', { days: 365 });
  expect(granted).toMatchObject({ rights: 'rcl', renewed: false });
  const store = await openWith(container, granted.sasUrl);
  expect(await store.put('objects/one', Buffer.from('one'))).toBe(true);
  expect(await store.put('objects/one', Buffer.from('another'))).toBe(false);
  expect((await store.get('objects/one'))?.toString()).toBe('one');
  expect(await namesOf(store)).toEqual(['objects/one']);
  expect(await store.canRemove()).toBe(false);
  await failureIn(store.remove('objects/one'), [signatureIn(granted.sasUrl)]);
});

test('rights and end are in the policy alone: the SAS says neither', async () => {
  const container = await azurite().container();
  const { sasUrl, endsMs, policy: id } = await grant(placeOf(container), 'house', { days: 30 });
  expect(id).toMatch(/^energy-monitor-house\.[0-9a-f]{8}$/);
  const query = new URL(sasUrl).searchParams;
  expect([query.get('si'), query.get('sr'), query.get('sp'), query.get('se')]).toEqual([id, 'c', null, null]);
  const { signedIdentifiers, date } = await container.getAccessPolicy();
  const [policy] = signedIdentifiers;
  const days = ((endsMs ?? 0) - (policy?.accessPolicy.startsOn?.getTime() ?? 0)) / DAY_MS;
  // It begins a quarter of an hour earlier: clocks differ.
  expect(days).toBeCloseTo(30 + 1 / 96, 4);
  expect(policy?.accessPolicy.startsOn?.getTime()).toBeLessThan(date?.getTime() ?? 0);
});

test('a store that prunes itself may delete when that is asked for', async () => {
  const container = await azurite().container();
  const { sasUrl, rights } = await grant(placeOf(container), 'house', { days: 1, mayDelete: true });
  const store = await openWith(container, sasUrl);
  await store.put('objects/one', Buffer.from('one'));
  await store.remove('objects/one');
  expect([rights, await store.canRemove(), await namesOf(store)]).toEqual(['rcdl', true, []]);
});

test('a machine that is shut out is refused, the others are not', async () => {
  const container = await azurite().container();
  const house = await grant(placeOf(container), 'house', { days: 1 });
  const barn = await grant(placeOf(container), 'barn', { days: 1 });
  expect(await revoke(placeOf(container), 'house')).toBe(true);
  const refused = await failureIn(namesOf(await openWith(container, house.sasUrl)), [signatureIn(house.sasUrl)]);
  expect(refused).toMatchObject({
    code: 'permission',
    message: expect.stringMatching(/energy-monitor-house\.\w+ is refused/),
  });
  expect(await namesOf(await openWith(container, barn.sasUrl))).toEqual([]);
  expect(await revoke(placeOf(container), 'house')).toBe(false);
});

test('a SAS that was shut out stays so when its machine, or one of a similar name, is given rights anew', async () => {
  const container = await azurite().container();
  const stolen = await grant(placeOf(container), 'house', { days: 1 });
  await revoke(placeOf(container), 'house');
  const replaced = await grant(placeOf(container), 'house', { days: 1 });
  await grant(placeOf(container), 'house-2', { days: 1 });
  expect(replaced.renewed).toBe(false);
  await failureIn(namesOf(await openWith(container, stolen.sasUrl)), [signatureIn(stolen.sasUrl)]);
  expect(await namesOf(await openWith(container, replaced.sasUrl))).toEqual([]);
  await revoke(placeOf(container), 'house');
  expect(await listGrants(placeOf(container))).toMatchObject([{ machine: 'house-2' }]);
});

test('to renew keeps the SAS that the machine has, with the new end and rights', async () => {
  const container = await azurite().container();
  const first = await grant(placeOf(container), 'house', { days: 1, mayDelete: true });
  const store = await openWith(container, first.sasUrl);
  await store.put('objects/one', Buffer.from('one'));
  const second = await grant(placeOf(container), 'house', { days: 400 });
  expect(second.renewed).toBe(true);
  expect(second.endsMs).toBeGreaterThan((first.endsMs ?? 0) + 300 * DAY_MS);
  expect(await namesOf(await openWith(container, first.sasUrl))).toEqual(['objects/one']);
  await failureIn(store.remove('objects/one'), [signatureIn(first.sasUrl)]);
  expect(await listGrants(placeOf(container))).toHaveLength(1);
});

test('policies of others on the container stay as they are, and are told', async () => {
  const container = await azurite().container();
  await azurite().setPolicy(container, 'of-the-portal', 'r');
  await grant(placeOf(container), 'house', { days: 1 });
  await grant(placeOf(container), 'barn', { days: 1 });
  await revoke(placeOf(container), 'house');
  const grants = await listGrants(placeOf(container));
  expect(grants).toMatchObject([
    { policy: 'of-the-portal', machine: undefined, rights: 'r' },
    { machine: 'barn', rights: 'rcl' },
  ]);
  expect(grantsText(grants)).toMatch(
    /^\(of-the-portal\): read, until [\d-]{10}\nbarn: read, create, list, until [\d-]{10}\n$/,
  );
});

test('a change of somebody else between reading and writing is not lost', async () => {
  const container = await azurite().container();
  const proxy = await FaultProxy.start(azurite().url);
  let seen = 0;
  // Azure says 412 to a change of what was read before somebody else changed it.
  proxy.faultFor = () => {
    seen++;
    if (seen !== 2) return undefined;
    const headers = { 'x-ms-error-code': 'ConditionNotMet', 'x-ms-request-id': 'one' };
    return { kind: 'answer', status: 412, headers, body: '' };
  };
  const granted = await grant(placeOf(container, proxy.url), 'house', { days: 1 });
  expect([granted.renewed, proxy.requests]).toEqual([false, 4]);
  expect(await listGrants(placeOf(container))).toHaveLength(1);
});

test('the sixth policy of a container is refused in a sentence that names the five', async () => {
  const container = await azurite().container();
  for (const name of ['a', 'b', 'c', 'd', 'e']) await grant(placeOf(container), name, { days: 1 });
  const error = await failureIn(grant(placeOf(container), 'house', { days: 1 }), [azurite().key]);
  expect(error.code).toBe('config');
  expect(error.message).toMatch(
    /has 5 policies, all that Azure allows: energy-monitor-a\.\w+, .*energy-monitor-e\.\w+$/,
  );
  expect((await grant(placeOf(container), 'e', { days: 2 })).renewed).toBe(true);
});

test('what cannot be used is said in a sentence without the key', async () => {
  const container = await azurite().container();
  const place = placeOf(container);
  const key = Buffer.alloc(64, 9).toString('base64');
  const sas = `BlobEndpoint=${azurite().url}/${azurite().account};SharedAccessSignature=${azurite().sas(container, 'rcl')}`;
  const cases: [string, Partial<GrantOptions>, string, string, RegExp][] = [
    [
      'a wrong key',
      { connectionString: place.connectionString.replace(azurite().key, key) },
      'house',
      'permission',
      /account key is refused/,
    ],
    ['a SAS', { connectionString: sas }, 'house', 'config', /has a SAS/],
    ['no container', { container: `${place.container}-x` }, 'house', 'config', /there is no such container/],
    ['no name', {}, 'My House', 'config', /My House is no name for a machine/],
    ['a long name', {}, 'a'.repeat(41), 'config', /is no name for a machine/],
  ];
  for (const [what, more, name, code, sentence] of cases) {
    const error = await failureIn(grant({ ...place, ...more }, name, { days: 1 }), [azurite().key, key]);
    expect(error, what).toMatchObject({ code, message: expect.stringMatching(sentence) });
    if (what !== 'a SAS') await failureIn(revoke({ ...place, ...more }, name), [azurite().key, key]);
  }
  expect(await listGrants(place)).toEqual([]);
});

/** Runs `azure ...` as a person would. @returns what it printed */
async function run(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const root = new Command('energy-monitor').exitOverride().configureOutput({ writeErr: () => {} });
    addAzure(root);
    await root.parseAsync(['azure', ...args], { from: 'user' });
    return write.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    write.mockRestore();
  }
}

test('the command writes the SAS into a private file, and nothing secret anywhere else', async () => {
  const container = await azurite().container();
  const directory = temporaryDirectory();
  const [file, out] = [join(directory, 'account.connection'), join(directory, 'azure.sas')];
  writeFileSync(file, `${azurite().connectionString()}\n`, { mode: 0o600 });
  const place = ['--connection-string-file', file, '--container', `${azurite().urlOf(container)}/some/prefix`];
  const granted = await run('grant', ...place, '--name', 'house', '--out', out);
  expect(granted).toContain(`in ${azurite().urlOf(container)} until`);
  expect(granted).toContain(`the SAS is in ${out}`);
  const sas = readFileSync(out, 'utf8');
  expect(statSync(out).mode & 0o777).toBe(0o600);
  const store = await openWith(container, sas);
  expect(await store.put('objects/one', Buffer.from('one'))).toBe(true);
  const renewed = await run('grant', ...place, '--name', 'house', '--days', '7', '--allow-delete', '--out', out);
  expect(renewed).toMatch(/^house may read, create, delete, list in .* \(policy energy-monitor-house\.\w+, renewed\)/);
  const listed = await run('list', ...place);
  expect(JSON.parse(await run('list', '--json', ...place))).toHaveLength(1);
  const revoked = await run('revoke', ...place, '--name', 'house');
  expect(revoked).toMatch(/^house is shut out/);
  expect(await run('revoke', ...place, '--name', 'house')).toBe('house had no rights there\n');
  expect(await run('list', ...place)).toBe('nobody has rights under a policy there\n');
  for (const text of [granted, renewed, listed, revoked]) {
    for (const secret of [azurite().key, signatureIn(sas.trim()), 'sig=']) expect(text).not.toContain(secret);
  }
});

test('nothing changes in Azure when the SAS cannot be written', async () => {
  const container = await azurite().container();
  const directory = temporaryDirectory();
  const file = join(directory, 'account.connection');
  writeFileSync(file, azurite().connectionString());
  const out = join(file, 'azure.sas');
  const args = ['--connection-string-file', file, '--container', azurite().urlOf(container), '--name', 'house'];
  await failureIn(run('grant', ...args, '--out', out), [azurite().key]);
  expect(await listGrants(placeOf(container))).toEqual([]);
});

test('the text of a grant says what is not known to the SAS: its end', () => {
  const text = grantText(
    {
      policy: 'energy-monitor-house.01234567',
      machine: 'house',
      rights: 'rcl',
      endsMs: Date.UTC(2027, 0, 2),
      sasUrl: 'https://home.blob.core.windows.net/c?sig=secret',
      renewed: false,
      containerUrl: 'https://home.blob.core.windows.net/c',
    },
    'azure.sas',
  );
  expect(text).toContain('until 2027-01-02');
  expect(text).not.toContain('secret');
});
