import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { lockRepository, unlockRepository } from '../../agent/backup/lock.ts';
import { storeWith } from '../../agent/backup/store.ts';
import { AgentError } from '../../agent/system/errors.ts';
import { REPOSITORY, runScript } from '../support/child.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const put = async (store: DirectoryStore, holder: unknown) => store.put('lock', Buffer.from(JSON.stringify(holder)));

function storageFailure(errno: string): AgentError {
  return new AgentError('storage', 'it cannot be used', { cause: Object.assign(new Error(errno), { code: errno }) });
}

test.each([
  ['of another machine', { origin: 'another' }],
  ['of an older version, which named the machine and no state directory', { machine: 'c0ffee' }],
  ['of an older version, which knew no name', {}],
])('a lock %s keeps this one out, until it is unlocked by hand', async (_, whose) => {
  const [stateDir, store] = [temporaryDirectory(), await DirectoryStore.open(temporaryDirectory())];
  await put(store, { token: 'x', ...whose, host: 'pi', pid: 1, started: '2026-01-01T00:00:00.000Z' });
  await expect(lockRepository(stateDir, store, 0)).rejects.toMatchObject({
    code: 'locked',
    message: expect.stringMatching(/in use by process 1 of pi since 2026-01-01/),
    hint: expect.stringContaining('energy-monitor backup unlock'),
  });
  expect(await unlockRepository(store)).toMatchObject({ host: 'pi' });
  await (await lockRepository(stateDir, store, 0))();
  expect(await store.get('lock')).toBeUndefined();
});

test('two runs of one state directory keep each other out; one that was killed keeps nobody out', async () => {
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
  await put(store, { token: 'of another', origin: 'another', host: 'x', pid: 1, started: '' });
  await release();
  expect(await store.get('lock')).toBeDefined();
});

test('two state directories of one machine keep each other out', async () => {
  const [one, other, store] = [
    temporaryDirectory(),
    temporaryDirectory(),
    await DirectoryStore.open(temporaryDirectory()),
  ];
  const release = await lockRepository(one, store, 0);
  await expect(lockRepository(other, store, 0)).rejects.toMatchObject({ code: 'locked' });
  await release();
  await (await lockRepository(other, store, 0))();
});

test('of two that find a stale lock at once, the one whose lock is not there gives way', async () => {
  const [stateDir, store] = [temporaryDirectory(), await DirectoryStore.open(temporaryDirectory())];
  const leftBy = storeWith(store, { remove: async () => {} });
  await (await lockRepository(stateDir, leftBy, 0))();
  const raced = storeWith(store, {
    remove: async (name) => {
      await store.remove(name);
      await put(store, { token: 'x', origin: 'another', host: 'pi', pid: 1, started: '' });
    },
  });
  await expect(lockRepository(stateDir, raced, 0)).rejects.toMatchObject({ code: 'locked' });
});

test('a store that goes away leaves a warning, and the next store is not locked', async () => {
  const [stateDir, store] = [temporaryDirectory(), await DirectoryStore.open(temporaryDirectory())];
  const { log, lines } = recordingLog();
  const gone = storeWith(store, { remove: () => Promise.reject(storageFailure('EIO')) });
  const release = await lockRepository(stateDir, gone, 0, log);
  await release();
  expect(lines).toMatchObject([{ store: store.label, reason: 'it cannot be used' }]);
  await (await lockRepository(stateDir, await DirectoryStore.open(temporaryDirectory()), 0))();
});

test.each(['ENOSPC', 'EDQUOT'])('without room for a lock (%s) old backups can still go', async (errno) => {
  const [stateDir, store] = [temporaryDirectory(), await DirectoryStore.open(temporaryDirectory())];
  const full = storeWith(store, { put: () => Promise.reject(storageFailure(errno)) });
  await (await lockRepository(stateDir, full, 0))();
  await put(store, { token: 'x', origin: 'another', host: 'pi', pid: 1, started: '' });
  await expect(lockRepository(stateDir, full, 0)).rejects.toMatchObject({ code: 'locked' });
  const broken = storeWith(store, { put: () => Promise.reject(storageFailure('EIO')) });
  await expect(lockRepository(stateDir, broken, 0)).rejects.toMatchObject({ code: 'storage' });
});
