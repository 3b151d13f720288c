import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { lockRepository, unlockRepository } from '../../agent/backup/lock.ts';
import { runProgram } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const put = async (store: DirectoryStore, holder: unknown) => store.put('lock', Buffer.from(JSON.stringify(holder)));

test('a run of another machine keeps this one out, until it is unlocked by hand', async () => {
  const store = await DirectoryStore.open(temporaryDirectory());
  await put(store, { host: 'another', pid: 1, started: '2026-01-01T00:00:00.000Z' });
  await expect(lockRepository(store, 0)).rejects.toMatchObject({
    code: 'locked',
    message: expect.stringMatching(/in use by process 1 of another since 2026-01-01/),
  });
  expect(await unlockRepository(store)).toMatchObject({ host: 'another' });
  await (await lockRepository(store, 0))();
  expect(await store.get('lock')).toBeUndefined();
});

test('that of a living process of this machine counts; that of one that is gone does not', async () => {
  const store = await DirectoryStore.open(temporaryDirectory());
  const other = runProgram('sleep', ['60']);
  await put(store, { host: hostname(), pid: other.process.pid, started: '' });
  await expect(lockRepository(store, 0)).rejects.toMatchObject({ code: 'locked' });
  await other.end('SIGKILL');
  await (await lockRepository(store, 0))();
});

test('a lock that is no lock holds nobody up', async () => {
  const store = await DirectoryStore.open(temporaryDirectory());
  await store.put('lock', Buffer.from('{"ho'));
  await (await lockRepository(store, 0))();
});
