import type { ContainerClient } from '@azure/storage-blob';
import { expect, test } from 'vitest';
import type { AzureOptions } from '../../../agent/backup/azure/azure-store.ts';
import { failureIn, namesOf, openQuickly, signatureOf, VERBS } from '../../support/azure-stores.ts';
import { azuriteForAll } from '../../support/azurite.ts';
import { FaultProxy, nonsensePort } from '../../support/fault-proxy.ts';
import { freePort } from '../../support/free-port.ts';

const azurite = azuriteForAll();

/** A container in which an object is. */
async function withOne(): Promise<ContainerClient> {
  const container = await azurite().container();
  await container.getBlockBlobClient('objects/old').upload('old', 3);
  return container;
}

function openWith(container: ContainerClient, query: string, more: Partial<AzureOptions> = {}) {
  return openQuickly({ url: azurite().urlOf(container), credential: { kind: 'sas', text: query }, ...more });
}

test('who may only create writes, reads and lists; nothing that is there changes or goes', async () => {
  const container = await withOne();
  const query = azurite().sas(container, 'rcl');
  const store = await openWith(container, query);
  expect(await store.put('objects/new', Buffer.from('new'))).toBe(true);
  expect(await store.put('objects/new', Buffer.from('new'))).toBe(true);
  expect(await store.put('objects/new', Buffer.from('NEW'))).toBe(false);
  expect(await store.put('objects/old', Buffer.from('another'))).toBe(false);
  expect((await store.get('objects/old'))?.toString()).toBe('old');
  expect(await store.canRemove()).toBe(false);
  const error = await failureIn(store.remove('objects/old'), [signatureOf(query)]);
  expect(error).toMatchObject({ code: 'permission', retryable: false });
  expect(`${error.message}: ${error.hint}`).toMatch(
    /may not delete there: prune with .* the right d \(this one has sp=rcl\)/,
  );
  expect(await namesOf(store)).toEqual(['objects/new', 'objects/old']);
});

test.each([
  ['rcl', false],
  ['rcld', true],
])('a policy with %s: whether it may delete is asked once, without deleting', async (permissions, may) => {
  const container = await withOne();
  await azurite().setPolicy(container, 'backup', permissions);
  const proxy = await FaultProxy.start(azurite().url);
  const credential = { kind: 'sas', text: azurite().sas(container, undefined, { identifier: 'backup' }) } as const;
  const store = await openQuickly({ url: azurite().urlOf(container, proxy.url), credential });
  expect([await store.canRemove(), await store.canRemove()]).toEqual([may, may]);
  expect(proxy.requests).toBe(1);
  expect(await namesOf(store)).toEqual(['objects/old']);
});

test.each([
  ['rl', 'put', /may not write/, /the right c/],
  ['cl', 'get', /may not read/, /the right r/],
  ['rc', 'list', /may not list/, /the right l/],
  ['rcl', 'remove', /may not delete/, /the right d/],
] as const)('a SAS with %s cannot %s', async (permissions, verb, sentence, hint) => {
  const container = await withOne();
  const query = azurite().sas(container, permissions);
  const error = await failureIn(VERBS[verb](await openWith(container, query)), [signatureOf(query)]);
  expect(error).toMatchObject({ code: 'permission', retryable: false });
  expect(error.message).toMatch(sentence);
  expect(error.hint).toMatch(hint);
});

test('a policy that is revoked ends it at the next call', async () => {
  const container = await withOne();
  await azurite().setPolicy(container, 'backup', 'rcl');
  const query = azurite().sas(container, undefined, { identifier: 'backup' });
  const store = await openWith(container, query);
  expect(await store.put('objects/new', Buffer.from('new'))).toBe(true);
  await azurite().setPolicy(container, 'backup', undefined);
  for (const verb of Object.values(VERBS)) {
    const error = await failureIn(verb(store), [signatureOf(query)]);
    expect(error).toMatchObject({ code: 'permission', retryable: false });
    expect(error.message).toMatch(/policy backup is refused/);
  }
  await failureIn(store.canRemove(), [signatureOf(query)]);
});

test('a SAS that has ended says when it did', async () => {
  const container = await withOne();
  const query = azurite().sas(container, 'rcl', { expiresOn: new Date('2026-01-02T03:04:05Z') });
  for (const verb of Object.values(VERBS)) {
    const error = await failureIn(verb(await openWith(container, query)), [signatureOf(query)]);
    expect(error).toMatchObject({
      code: 'permission',
      message: expect.stringMatching(/SAS ended at 2026-01-02T03:04:05Z$/),
    });
  }
});

test('a clock that is wrong is said to be: a SAS made by it begins too late, or has not ended for it', async () => {
  const container = await withOne();
  const hour = 3_600_000;
  const startsOn = new Date(Date.now() + 5 * hour);
  const query = azurite().sas(container, 'rcl', { startsOn, expiresOn: new Date(Date.now() + 9 * hour) });
  const fast = await openWith(container, query, { clock: () => Date.now() + 6 * hour });
  const error = await failureIn(namesOf(fast), [signatureOf(query)]);
  expect(error).toMatchObject({ code: 'permission', retryable: true, hint: expect.stringMatching(/timedatectl/) });
  expect(error.message).toMatch(/the clock of this machine is 6 h fast$/);
  const slow = await openWith(container, query, { clock: () => Date.now() - 400 * 24 * hour });
  expect((await failureIn(namesOf(slow), [signatureOf(query)])).message).toMatch(/is 400 days slow$/);
  const right = await openWith(container, query);
  expect((await failureIn(namesOf(right), [signatureOf(query)])).message).toMatch(/only valid from .* on$/);
});

test('a signature, and a key, of another account are refused', async () => {
  const container = await withOne();
  const query = azurite().sas(container, 'rcl');
  const wrong = query.replace(/sig=[^&]*/, `sig=${encodeURIComponent(Buffer.alloc(32, 7).toString('base64'))}`);
  const refused = await failureIn(namesOf(await openWith(container, wrong)), [signatureOf(wrong)]);
  expect(refused).toMatchObject({ code: 'permission', message: expect.stringMatching(/the SAS is refused/) });
  const key = Buffer.alloc(64, 9).toString('base64');
  const text = azurite().connectionString().replace(azurite().key, key);
  const store = await openQuickly({ url: azurite().urlOf(container), credential: { kind: 'connectionString', text } });
  for (const verb of Object.values(VERBS)) {
    expect(await failureIn(verb(store), [key])).toMatchObject({
      code: 'permission',
      message: expect.stringMatching(/the account key is refused/),
    });
  }
});

test('a container that is not there, or goes in the middle, is said by name', async () => {
  const container = await withOne();
  const credential = { kind: 'connectionString', text: azurite().connectionString() } as const;
  const store = await openQuickly({ url: azurite().urlOf(container), credential });
  expect(await namesOf(store)).toEqual(['objects/old']);
  await container.delete();
  for (const verb of Object.values(VERBS)) {
    const error = await failureIn(verb(store), [azurite().key]);
    expect(error).toMatchObject({ code: 'config', retryable: false });
    expect(error.message).toBe(`backup container ${store.label} cannot be used: there is no such container`);
  }
});

test('a place where nothing listens, no HTTP is spoken, or a login page answers', async () => {
  const container = await withOne();
  const query = azurite().sas(container, 'rcl');
  const page = await FaultProxy.start(azurite().url);
  const [text, headers] = ['<html>Please log in</html>', { 'content-type': 'text/html', etag: '"1"' }];
  const at = async (url: string) =>
    openQuickly({ url: azurite().urlOf(container, url), credential: { kind: 'sas', text: query } });
  const cases: [string, RegExp][] = [
    [`http://127.0.0.1:${await freePort()}`, /nothing listens at 127.0.0.1:/],
    [`http://127.0.0.1:${await nonsensePort()}`, /is not Azure$/],
    ['http://no-such-host.invalid:1', /there is no no-such-host.invalid:1|names cannot be resolved/],
    [azurite().url.replace('http:', 'https:'), /TLS with .* fails/],
  ];
  for (const [url, sentence] of cases) {
    for (const verb of Object.values(VERBS)) {
      const error = await failureIn(verb(await at(url)), [signatureOf(query)]);
      expect(error.message).toMatch(sentence);
      expect(error.exitCode).toBe(/TLS/.test(error.message) ? 78 : 69);
    }
  }
  for (const status of [200, 201, 202, 302, 404]) {
    page.faultFor = () => ({ kind: 'answer', status, headers, body: text });
    for (const verb of Object.values(VERBS)) {
      const error = await failureIn(verb(await at(page.url)), [signatureOf(query)]);
      expect(error, String(status)).toMatchObject({ code: 'unavailable', retryable: true });
      expect(error.message, String(status)).toMatch(/is not Azure$/);
    }
  }
});
