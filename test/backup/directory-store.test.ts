import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { REPOSITORY, runProgram } from '../support/child.ts';
import { requireMounts } from '../support/requires.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function names(store: DirectoryStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(prefix)) found.push(name);
  return found;
}

test('an object is whole, durable, listed in order, and never replaced', async () => {
  const root = join(temporaryDirectory(), 'new', 'place');
  const store = await DirectoryStore.open(root);
  expect(await store.put('objects/ab/two', Buffer.from('2'))).toBe(true);
  expect(await store.put('objects/aa/one', Buffer.from('1'))).toBe(true);
  expect(await store.put('objects/aa/one', Buffer.from('other'))).toBe(false);
  expect((await store.get('objects/aa/one'))?.toString()).toBe('1');
  expect(await store.get('objects/aa/none')).toBeUndefined();
  expect(await names(store, 'objects/')).toEqual(['objects/aa/one', 'objects/ab/two']);
  expect(await names(store, 'snapshots/')).toEqual([]);
  await store.remove('objects/aa/one');
  await store.remove('objects/aa/one');
  expect(await names(store, 'objects/')).toEqual(['objects/ab/two']);
  expect(readdirSync(join(root, 'tmp'))).toEqual([]);
});

test('of two that write one name at once, one wins', async () => {
  const store = await DirectoryStore.open(temporaryDirectory());
  const wins = await Promise.all(Array.from({ length: 8 }, (_, i) => store.put('objects/x', Buffer.from(String(i)))));
  expect(wins.filter(Boolean)).toHaveLength(1);
  expect((await store.get('objects/x'))?.toString()).toBe(String(wins.indexOf(true)));
});

test('what a killed run left half written goes after a day, and is never listed', async () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'tmp'));
  for (const name of ['old', 'young']) writeFileSync(join(root, 'tmp', name), 'half');
  const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
  utimesSync(join(root, 'tmp/old'), twoDaysAgo, twoDaysAgo);
  const store = await DirectoryStore.open(root);
  expect(readdirSync(join(root, 'tmp'))).toEqual(['young']);
  expect(await names(store, 'objects/')).toEqual([]);
});

test('a full disk is said in a sentence, and leaves no half object', async (context) => {
  requireMounts(context);
  const disk = await SmallDisk.mount(2);
  const script = `import('${REPOSITORY}/agent/backup/directory-store.ts').then(async ({ DirectoryStore }) => {
    const store = await DirectoryStore.open(process.argv[1]);
    await store.put('objects/big', Buffer.alloc(4e6)).catch((error) => console.log(error.code, error.message, error.hint));
    for await (const { name } of store.list('objects/')) console.log(name);
  })`;
  const [program, args] = disk.command(process.execPath, ['-e', script, disk.directory]);
  const child = runProgram(program, args);
  await child.ended;
  expect(child.output()).toMatch(/^storage backup directory .* cannot be used: the disk is full make room there.*\n$/);
});

test.each([
  ['a file in the way', (root: string) => writeFileSync(root, ''), 'storage'],
])('%s is said in a sentence', async (_, spoil, code) => {
  const root = join(temporaryDirectory(), 'place');
  spoil(root);
  await expect(DirectoryStore.open(root)).rejects.toMatchObject({ code, message: expect.stringContaining(root) });
});
