import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { lockRepository, unlockRepository } from '../../agent/backup/lock.ts';
import { REPOSITORY, runScript } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const put = async (store: DirectoryStore, holder: unknown) => store.put('lock', Buffer.from(JSON.stringify(holder)));

test('a run of another machine keeps this one out, until it is unlocked by hand', async () => {
  const [stateDir, store] = [temporaryDirectory(), await DirectoryStore.open(temporaryDirectory())];
  await put(store, { token: 'x', machine: 'another', host: 'pi', pid: 1, started: '2026-01-01T00:00:00.000Z' });
  await expect(lockRepository(stateDir, store, 0)).rejects.toMatchObject({
    code: 'locked',
    message: expect.stringMatching(/in use by process 1 of pi since 2026-01-01/),
  });
  expect(await unlockRepository(store)).toMatchObject({ host: 'pi' });
  await (await lockRepository(stateDir, store, 0))();
  expect(await store.get('lock')).toBeUndefined();
});

test('two runs of this machine keep each other out; one that was killed keeps nobody out', async () => {
  const [stateDir, place] = [temporaryDirectory(), temporaryDirectory()];
  const holder = runScript(`${REPOSITORY}/test/support/lock-child.ts`, [stateDir, place]);
  await holder.printed(/locked/);
  const store = await DirectoryStore.open(place);
  await expect(lockRepository(stateDir, store, 0)).rejects.toMatchObject({ code: 'locked' });
  await holder.end('SIGKILL');
  expect(await store.get('lock')).toBeDefined();
  const release = await lockRepository(stateDir, store, 0);
  await release();
  expect(await store.get('lock')).toBeUndefined();
});

test('a lock that is no lock holds nobody up, and nobody releases that of another', async () => {
  const [stateDir, store] = [temporaryDirectory(), await DirectoryStore.open(temporaryDirectory())];
  await store.put('lock', Buffer.from('{"ho'));
  const release = await lockRepository(stateDir, store, 0);
  await store.remove('lock');
  await put(store, { token: 'of another', machine: 'another', host: 'x', pid: 1, started: '' });
  await release();
  expect(await store.get('lock')).toBeDefined();
});
