import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { openDetails } from '../../agent/backup/manifest.ts';
import { verify } from '../../agent/backup/verify.ts';
import { backUp, contents, newKeys, openRepository } from '../support/backups.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { requireProgram } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const DAY_S = 86_400;
/** 2026-03-01T00:00:00Z */
const FIRST_S = 1_772_323_200;

/** A journal of `days` with some readings each, and a store. */
async function prepared(days: number) {
  const stateDir = temporaryDirectory();
  for (let day = 0; day < days; day++) fillJournal(stateDir, secondsFrom(FIRST_S + day * DAY_S + 3600, 50));
  return { stateDir, store: await DirectoryStore.open(temporaryDirectory()) };
}

test('old days are a file each, the newest two an hour each; counts and checksums are there', async () => {
  const { stateDir, store } = await prepared(4);
  const result = await backUp(stateDir, store);
  expect(result).toMatchObject({ sequence: 1, verified: true, problems: [], counts: { energy: 200 } });
  const repository = await openRepository(store);
  const files = await contents(repository, result.name);
  expect([...files.keys()]).toEqual([
    'journal/2026-03-01',
    'journal/2026-03-02',
    'journal/2026-03-03T01',
    'journal/2026-03-04T01',
    'journal/state.json',
  ]);
  const details = await openDetails(await repository.manifest(result.name), repository.envelope);
  expect(details).toMatchObject({ host: 'pi', counts: { energy: 200 } });
  const [head = ''] = (files.get('journal/2026-03-01') ?? '').toString('latin1').split('\n');
  expect(JSON.parse(head)).toMatchObject({
    from: FIRST_S * 1000,
    series: [[1, 'energy', 'house', 'we-515']],
    gaps: [],
  });
});

test('what is unchanged does not travel again, whether remembered or not; what is late does', async () => {
  const { stateDir, store } = await prepared(5);
  await backUp(stateDir, store);
  expect(await backUp(stateDir, store)).toMatchObject({ sequence: 2, sentObjects: 0, counts: { energy: 250 } });
  fillJournal(stateDir, secondsFrom(FIRST_S + 100, 10));
  const third = await backUp(stateDir, store);
  // The day that got late readings, and the hour in which the newest came is unchanged.
  expect(third).toMatchObject({ counts: { energy: 260 } });
  expect(third.sentObjects).toBeLessThanOrEqual(2);
  rmSync(join(stateDir, 'backup'), { recursive: true });
  expect(await backUp(stateDir, store)).toMatchObject({ sequence: 4, sentObjects: 0 });
});

test('encrypted for a key that this machine does not have: nobody reads it, it is verified all the same, the key opens it', async () => {
  const { stateDir, store } = await prepared(3);
  const keys = await newKeys();
  const first = await backUp(stateDir, store, { recipients: [keys.recipient] });
  expect(first.verified).toBe(true);
  expect(await backUp(stateDir, store, { recipients: [keys.recipient] })).toMatchObject({ sentObjects: 0 });
  for await (const { name } of store.list('')) {
    if (name === 'README.txt') continue;
    expect((await store.get(name))?.toString('latin1')).not.toMatch(/voltage|house|we-515/);
  }
  const without = await openRepository(store);
  await expect(openDetails(await without.manifest(first.name), without.envelope)).rejects.toMatchObject({
    code: 'config',
  });
  expect((await contents(await openRepository(store, keys), first.name)).size).toBe(4);
});

test('age and zstd, without this program, get a file back', async (context) => {
  requireProgram(context, 'age');
  requireProgram(context, 'zstd');
  const { stateDir, store } = await prepared(3);
  const keys = await newKeys();
  const { name } = await backUp(stateDir, store, { recipients: [keys.recipient] });
  const repository = await openRepository(store, keys);
  const manifest = await repository.manifest(name);
  const details = await openDetails(manifest, repository.envelope);
  const keyFile = join(temporaryDirectory(), 'key');
  writeFileSync(keyFile, `${keys.identity}\n`);
  const [file] = details.files;
  const objects = (file?.objects ?? []).map((index) => join(store.label, manifest.objects[index]?.name ?? ''));
  const script = 'key="$1"; shift; for object; do age -d -i "$key" "$object" | zstd -dqc; done';
  const byHand = execFileSync('sh', ['-c', script, 'sh', keyFile, ...objects]);
  expect(byHand.equals((await contents(repository, name)).get(file?.path ?? '') ?? Buffer.alloc(0))).toBe(true);
});

test('every bit that changes in any object or manifest is found', async () => {
  const { stateDir, store } = await prepared(3);
  await backUp(stateDir, store);
  const repository = await openRepository(store);
  const names: string[] = [];
  for (const prefix of ['objects/', 'snapshots/']) for await (const { name } of store.list(prefix)) names.push(name);
  const problems = async () => (await verify(repository, await repository.names(), { share: 1 })).problems;
  expect(await problems()).toEqual([]);
  for (const name of names) {
    const path = join(store.label, name);
    const whole = readFileSync(path);
    for (const bit of [0, 7, whole.length * 4, whole.length * 8 - 1]) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(path, damaged);
      expect(await problems(), `${name}, bit ${bit}`).not.toEqual([]);
    }
    writeFileSync(path, whole.subarray(0, -1));
    expect(await problems()).not.toEqual([]);
    rmSync(path);
    expect((await problems()).length > 0 || name.startsWith('snapshots/')).toBe(true);
    writeFileSync(path, whole);
  }
});

test('a damaged newest snapshot is told and passed over; the next is whole', async () => {
  const { stateDir, store } = await prepared(3);
  await backUp(stateDir, store);
  const second = await backUp(stateDir, store);
  writeFileSync(join(store.label, second.name), 'noise');
  const third = await backUp(stateDir, store);
  expect(third).toMatchObject({ sequence: 3, verified: true, counts: { energy: 150 } });
});

test('a store that is something else is refused and left alone', async () => {
  const { stateDir, store } = await prepared(1);
  writeFileSync(join(store.label, 'repository.json'), '{"format":"restic"}');
  await expect(backUp(stateDir, store)).rejects.toMatchObject({ code: 'storage' });
  expect(readdirSync(store.label).sort()).toEqual(['repository.json', 'tmp']);
});
