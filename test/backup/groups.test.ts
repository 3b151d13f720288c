import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { groupsOf } from '../../agent/backup/groups.ts';
import { recall, remember } from '../../agent/backup/memory.ts';
import { prune } from '../../agent/backup/prune.ts';
import type { BackupSource } from '../../agent/backup/source.ts';
import { verify } from '../../agent/backup/verify.ts';
import { ALL, backUp, contents, openRepository } from '../support/backups.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIRST_S = 1_772_323_200;
const YEARS = 5;

/** A file a day for years, as a journal of them would have, and whether the last has changed. */
const manyFiles = (days: number, last = ''): BackupSource => ({
  name: 'many',
  files: () =>
    Array.from({ length: days }, (_, day) => {
      const path = `many/${new Date(day * 86_400_000).toISOString().slice(0, 10)}`;
      return { path, content: [Buffer.from(`${path}${day === days - 1 ? last : ''}`)] };
    }),
});

async function prepared() {
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(FIRST_S, 10));
  return { stateDir, store: await DirectoryStore.open(temporaryDirectory()) };
}

test('a file that comes or goes changes one group', () => {
  const files = Array.from({ length: 2000 }, (_, i) => ({ path: `a/${String(i).padStart(5, '0')}` }));
  const keys = (list: { path: string }[]) => groupsOf(list).groups.map((group) => group.map(({ path }) => path).join());
  const all = keys(files);
  expect(all.length).toBeGreaterThan(30);
  expect(Math.max(...groupsOf(files).groups.map((group) => group.length))).toBeLessThan(400);
  const fewer = new Set(keys(files.toSpliced(777, 1)));
  expect(all.filter((key) => !fewer.has(key)).length).toBeLessThanOrEqual(1);
  const { groups, rest } = groupsOf(files);
  expect([...groups.flat(), ...rest]).toEqual(files);
});

test('with years of files, a backup in which nothing or one file has changed sends a few kilobytes', async () => {
  const { stateDir, store } = await prepared();
  await backUp(stateDir, store, { sources: [manyFiles(YEARS * 365)] });
  const unchanged = await backUp(stateDir, store, { sources: [manyFiles(YEARS * 365)] });
  expect(unchanged.sentObjects).toBe(0);
  expect(unchanged.sentBytes).toBeLessThan(20_000);
  const changed = await backUp(stateDir, store, { sources: [manyFiles(YEARS * 365, '!')] });
  expect(changed.sentBytes).toBeLessThan(40_000);
  const repository = await openRepository(store);
  expect(await verify(repository, [changed.name], { ...ALL, files: true })).toMatchObject({ problems: [] });
  expect((await contents(repository, changed.name)).size).toBe(YEARS * 365 + 2);
});

test('a list, and the files of a group, are needed: found when they are damaged or gone, sent again, kept by prune', async () => {
  const { stateDir, store } = await prepared();
  const run = () => backUp(stateDir, store, { sources: [manyFiles(300)] });
  const first = await run();
  const [group] = (await (await openRepository(store)).manifest(first.name)).groups;
  for (const { name } of [group?.list, group?.files].flatMap((object) => object ?? [])) {
    const path = join(store.label, name);
    const whole = readFileSync(path);
    for (const damage of [
      () =>
        writeFileSync(
          path,
          whole.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
        ),
      () => rmSync(path),
    ]) {
      damage();
      const found = await verify(await openRepository(store), [first.name], ALL);
      expect(found.problems).not.toEqual([]);
      const { id } = (await openRepository(store)).config;
      remember(stateDir, id, { ...recall(stateDir, id), damaged: found.damaged });
      const next = await run();
      const healed = await verify(await openRepository(store), [next.name], { ...ALL, files: true });
      expect(healed.problems).toEqual([]);
      writeFileSync(path, whole);
    }
  }
  const repository = await openRepository(store);
  await prune(repository, { keepLast: 2 }, { verified: new Set([1]), nowMs: Date.now() });
  const names = await repository.names();
  expect(await verify(await openRepository(store), names, { ...ALL, files: true })).toMatchObject({ problems: [] });
});
