import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { prune } from '../../agent/backup/prune.ts';
import { type Store, storeWith } from '../../agent/backup/store.ts';
import { verify } from '../../agent/backup/verify.ts';
import { ALL, backUp, openRepository } from '../support/backups.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIRST_S = 1_772_323_200;
const VERIFIED = new Set([1, 2, 3, 4, 5, 6]);

/** Six snapshots, a day between each by the store's clock, each with an hour that the next one has no longer as it was. */
async function six() {
  const stateDir = temporaryDirectory();
  const store = await DirectoryStore.open(temporaryDirectory());
  for (let i = 0; i < 6; i++) {
    fillJournal(stateDir, secondsFrom(FIRST_S + i * 20, 20));
    const seen = new Set<string>();
    for await (const { name } of store.list('')) seen.add(name);
    await backUp(stateDir, store);
    const atS = FIRST_S + i * 86_400;
    for await (const { name } of store.list('')) if (!seen.has(name)) utimesSync(join(store.label, name), atS, atS);
  }
  return store;
}

async function count(store: Store, prefix: string): Promise<number> {
  let n = 0;
  for await (const _ of store.list(prefix)) n++;
  return n;
}

test('snapshots go by the policy, and with them the objects that no other needs; what stays is whole', async () => {
  const store = await six();
  const repository = await openRepository(store);
  const before = await count(store, 'objects/');
  const plan = await prune(repository, { keepLast: 2 }, { verified: VERIFIED, dryRun: true });
  expect(plan).toMatchObject({ removedSnapshots: 4, left: undefined });
  expect(await count(store, 'objects/')).toBe(before);
  const done = await prune(repository, { keepLast: 2 }, { verified: VERIFIED });
  expect(done.removedObjects).toBe(plan.removedObjects);
  expect(done.removedObjects).toBeGreaterThan(3);
  expect(await count(store, 'snapshots/')).toBe(2);
  expect(await verify(repository, await repository.names(), ALL)).toMatchObject({
    snapshots: 2,
    problems: [],
  });
});

test('broken off at any removal, nothing that is needed is gone, and the next run completes it', async () => {
  for (let at = 0; ; at++) {
    const store = await six();
    const repository = await openRepository(store);
    let removals = 0;
    const breaking = storeWith(store, {
      remove: async (name) => {
        if (removals++ === at) throw new Error('killed');
        await store.remove(name);
      },
    });
    const broken = await openRepository(breaking);
    const ended = await prune(broken, { keepLast: 2 }, { verified: VERIFIED }).then(
      () => true,
      () => false,
    );
    expect((await verify(repository, await repository.names(), ALL)).problems).toEqual([]);
    await prune(repository, { keepLast: 2 }, { verified: VERIFIED });
    expect(await count(store, 'snapshots/')).toBe(2);
    if (ended) break;
  }
});

test('while a snapshot cannot be read, nothing goes', async () => {
  const store = await six();
  const repository = await openRepository(store);
  const newest = (await repository.names()).at(-1) ?? '';
  writeFileSync(join(store.label, newest), 'noise');
  const before = await count(store, 'objects/');
  const result = await prune(repository, { keepLast: 2 }, { verified: VERIFIED });
  expect(result).toMatchObject({
    removedSnapshots: 0,
    left: expect.stringMatching(/^backup snapshots\/.* is damaged/),
  });
  expect(await count(store, 'objects/')).toBe(before);
  expect(await count(store, 'snapshots/')).toBe(6);
});

test('a retention that keeps nothing is refused', async () => {
  const repository = await openRepository(await six());
  await expect(prune(repository, { keepLast: 0 }, { verified: VERIFIED })).rejects.toMatchObject({ code: 'config' });
});

test('a clock in the future, or times that were not copied: nothing goes by time, the count still counts', async () => {
  const store = await six();
  const repository = await openRepository(store);
  const nowMs = (FIRST_S + 6 * 86_400) * 1000;
  const newest = join(store.label, (await repository.names()).at(-1) ?? '');
  const inTheFuture = FIRST_S + 4000 * 86_400;
  utimesSync(newest, inTheFuture, inTheFuture);
  const byTime = { keepDaily: 2, keepWithinMs: 86_400_000 };
  const doubtful = await prune(repository, byTime, { verified: VERIFIED, nowMs });
  expect(doubtful).toMatchObject({ removedSnapshots: 0, left: expect.stringMatching(/dated in the future/) });
  for await (const { name } of store.list('snapshots/')) utimesSync(join(store.label, name), FIRST_S, FIRST_S);
  const unordered = await prune(repository, byTime, { verified: VERIFIED, nowMs });
  expect(unordered).toMatchObject({
    removedSnapshots: 0,
    left: expect.stringMatching(/copied without them/),
  });
  expect(await prune(repository, { keepLast: 2 }, { verified: VERIFIED, nowMs })).toMatchObject({
    removedSnapshots: 4,
  });
});
