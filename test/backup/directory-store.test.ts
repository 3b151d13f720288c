import { chownSync, lstatSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { REPOSITORY, runProgram } from '../support/child.ts';
import { NOBODY } from '../support/nobody.ts';
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

test('what another run removes meanwhile is nothing to this one', async () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'tmp'));
  // Listed, and gone when it is looked at.
  symlinkSync('nowhere', join(root, 'tmp', 'gone'));
  await expect(DirectoryStore.open(root)).resolves.toBeDefined();
});

function ownersBelow(root: string): number[] {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name));
  return [...new Set([root, ...paths].flatMap((path) => [lstatSync(path).uid, lstatSync(path).gid]))];
}

test('what root makes belongs to whom the place belongs', async (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can give files away');
  const there = temporaryDirectory();
  chownSync(there, NOBODY, NOBODY);
  const below = join(there, 'new', 'place');
  const named = join(temporaryDirectory(), 'new');
  const stores = [await DirectoryStore.open(there), await DirectoryStore.open(below)];
  stores.push(await DirectoryStore.open(named, { uid: NOBODY, gid: NOBODY }));
  for (const store of stores) await store.put('objects/ab/one', Buffer.from('1'));
  expect([there, named].map(ownersBelow)).toEqual([[NOBODY], [NOBODY]]);
});

test('a disk where nothing can be given away is written to all the same', async (context) => {
  requireMounts(context);
  const disk = await SmallDisk.mount(2);
  // In its namespace there is no user but root.
  const script = `import('${REPOSITORY}/agent/backup/directory-store.ts').then(async ({ DirectoryStore }) => {
    const store = await DirectoryStore.open(process.argv[1] + '/place', { uid: 1234, gid: 1234 });
    await store.put('objects/one', Buffer.from('1'));
    for await (const { name } of store.list('objects/')) console.log(name);
  })`;
  const [program, args] = disk.command(process.execPath, ['-e', script, disk.directory]);
  const child = runProgram(program, args);
  await child.ended;
  expect([child.output(), child.errors()]).toEqual(['objects/one\n', '']);
});

/** Answers each fsync of a directory so. */
async function refuseToSyncDirectories(errno: string): Promise<void> {
  const handle = await open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const sync = prototype.sync;
  const spy = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: typeof handle) {
    if ((await this.stat()).isDirectory()) throw Object.assign(new Error(errno), { code: errno });
    return sync.call(this);
  });
  onTestFinished(() => spy.mockRestore());
}

test.each([
  'EINVAL',
  'ENOTSUP',
])('a share that cannot sync a directory (%s) keeps objects all the same', async (errno) => {
  await refuseToSyncDirectories(errno);
  const store = await DirectoryStore.open(join(temporaryDirectory(), 'place'));
  expect(await store.put('objects/aa/one', Buffer.from('1'))).toBe(true);
});

test('a disk that fails to sync a directory has not stored the object', async () => {
  const store = await DirectoryStore.open(temporaryDirectory());
  await refuseToSyncDirectories('EIO');
  await expect(store.put('objects/aa/one', Buffer.from('1'))).rejects.toMatchObject({ code: 'storage' });
});

test('a place where nothing can be made is said in a sentence', async () => {
  const dangling = join(temporaryDirectory(), 'link');
  symlinkSync('/nowhere/at/all', dangling);
  // mkdir's `recursive` tries below /proc for ever.
  for (const root of ['/proc/x/y', dangling]) {
    await expect(DirectoryStore.open(root)).rejects.toMatchObject({
      code: 'storage',
      message: `backup directory ${root} cannot be used: a part of its path is not there`,
      hint: expect.stringContaining('mounted'),
    });
  }
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
