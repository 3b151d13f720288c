import { expect, test } from 'vitest';
import { type AzureOptions, openAzureStore } from '../../../agent/backup/azure/azure-store.ts';
import type { Store } from '../../../agent/backup/store.ts';
import { azuriteForAll } from '../../support/azurite.ts';

const azurite = azuriteForAll();

async function names(store: Store, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(prefix)) found.push(name);
  return found;
}

type Container = Awaited<ReturnType<ReturnType<typeof azurite>['container']>>;

const CREDENTIALS: [string, (container: Container) => Promise<AzureOptions['credential']>][] = [
  [
    'connection string with the account key',
    async () => ({ kind: 'connectionString', text: azurite().connectionString() }),
  ],
  [
    'connection string with a SAS',
    async (container) => ({
      kind: 'connectionString',
      text: `BlobEndpoint=${azurite().url}/${azurite().account}/;SharedAccessSignature=${azurite().sas(container, 'rcld')}\n`,
    }),
  ],
  ['SAS', async (container) => ({ kind: 'sas', text: azurite().sas(container, 'rcld') })],
  ['SAS with a question mark', async (container) => ({ kind: 'sas', text: `?${azurite().sas(container, 'rcld')}\n` })],
  [
    'URL with a SAS',
    async (container) => ({ kind: 'sas', text: `${azurite().urlOf(container)}?${azurite().sas(container, 'rcld')}` }),
  ],
  [
    'SAS under a stored access policy',
    async (container) => {
      await azurite().setPolicy(container, 'backup', 'rcld');
      return { kind: 'sas', text: azurite().sas(container, undefined, { identifier: 'backup' }) };
    },
  ],
];

test.each(
  CREDENTIALS,
)('%s: objects are whole, listed in order, page by page, and never replaced', async (_, credentialOf) => {
  const container = await azurite().container();
  const credential = await credentialOf(container);
  const store = await openAzureStore({ url: `${azurite().urlOf(container)}/house/`, credential, pageSize: 2 });
  expect([store.label, store.provesWrites]).toEqual([`${azurite().urlOf(container)}/house`, true]);
  const written = ['objects/ab/two', 'objects/aa/one', 'objects/b c/ä%2Fé', 'snapshots/1', 'objects/aa/empty'];
  for (const name of written) {
    expect(await store.put(name, name.endsWith('empty') ? Buffer.alloc(0) : Buffer.from(name)), name).toBe(true);
  }
  for (const name of written) {
    expect((await store.get(name))?.toString(), name).toBe(name.endsWith('empty') ? '' : name);
  }
  expect(await store.get('objects/none')).toBeUndefined();
  expect(await store.put('objects/aa/one', Buffer.from('other'))).toBe(false);
  expect(await store.put('objects/aa/one', Buffer.from('objects/aa/eno'))).toBe(false);
  expect(await store.put('objects/aa/one', Buffer.from('objects/aa/one'))).toBe(true);
  expect((await store.get('objects/aa/one'))?.toString()).toBe('objects/aa/one');
  const objects = ['objects/aa/empty', 'objects/aa/one', 'objects/ab/two', 'objects/b c/ä%2Fé'];
  expect(await names(store)).toEqual([...objects, 'snapshots/1']);
  expect(await names(store, 'objects/')).toEqual(objects);
  expect(await names(store, 'nothing/')).toEqual([]);
  for await (const { bytes, modifiedMs } of store.list('snapshots/')) {
    expect(bytes).toBe(11);
    expect(Math.abs(modifiedMs - Date.now())).toBeLessThan(60_000);
  }
  expect(await store.canRemove()).toBe(true);
  await store.remove('objects/aa/one');
  await store.remove('objects/aa/one');
  expect(await names(store, 'objects/aa/')).toEqual(['objects/aa/empty']);
});
