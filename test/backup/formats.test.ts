import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { openExisting } from '../../agent/backup/existing.ts';
import { encodeManifest, openDetails, sealDetails } from '../../agent/backup/manifest.ts';
import { verify } from '../../agent/backup/verify.ts';
import { countSegment } from '../../agent/journal/segment-reader.ts';
import { ALL, backUp, contents, openRepository } from '../support/backups.ts';
import { REPOSITORY } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { contentsOf, memoryStore } from '../support/memory-store.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Written by energy-monitor 0.1.0 in its first form; its recovery key opens nothing but this. */
const OLD = join(REPOSITORY, 'test/fixtures/repository-v1');
const IDENTITY_FILE = join(OLD, 'test-only.identity');

test.each(['plain', 'age'])('a repository of the first form is read to the last reading: %s', async (kind) => {
  const { repository } = await openExisting(DirectoryStore.at(join(OLD, kind)), temporaryDirectory(), IDENTITY_FILE);
  const names = await repository.names();
  expect(names).toHaveLength(2);
  expect(await verify(repository, names, { ...ALL, files: true })).toMatchObject({ problems: [], snapshots: 2 });
  const details = await Promise.all(
    names.map(async (name) => openDetails(await repository.manifest(name), repository.envelope)),
  );
  expect(details.map(({ counts }) => counts)).toEqual([{ energy: 150 }, { energy: 300 }]);
  const day = (await contents(repository, names[1] ?? '')).get('journal/2026-03-01');
  expect(countSegment(day ?? Buffer.alloc(0))).toEqual({ energy: 100 });
});

test('the next backup goes on in a repository of the first form', async () => {
  const place = temporaryDirectory();
  cpSync(join(OLD, 'plain'), place, { recursive: true });
  const store = await DirectoryStore.open(place);
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(1_772_323_200, 10));
  expect(await backUp(stateDir, store)).toMatchObject({ sequence: 3, verified: true });
  const repository = await openRepository(store);
  expect(await verify(repository, await repository.names(), { ...ALL, files: true })).toMatchObject({ problems: [] });
});

test('what a newer version wrote is refused in words, and nothing is changed', async () => {
  const held = await contentsOf(DirectoryStore.at(join(OLD, 'plain')));
  held.set('repository.json', Buffer.from(String(held.get('repository.json')).replace('"version": 1', '"version": 2')));
  const size = held.size;
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(1_772_323_200, 10));
  await expect(backUp(stateDir, memoryStore(held))).rejects.toMatchObject({
    code: 'storage',
    hint: expect.stringMatching(/upgrade energy-monitor/),
  });
  expect(held.size).toBe(size);
});

test('a snapshot that tells other counts than it has is found', async () => {
  const { repository } = await openExisting(DirectoryStore.at(join(OLD, 'plain')), temporaryDirectory());
  const [name = ''] = await repository.names();
  const manifest = await repository.manifest(name);
  const details = await openDetails(manifest, repository.envelope);
  const contents = new Map(await contentsOf(repository.store));
  const store = memoryStore(contents);
  const forged = {
    ...manifest,
    details: await sealDetails({ ...details, counts: { energy: 151 } }, repository.envelope),
  };
  const { name: forgedName, data } = await encodeManifest({ ...forged, sequence: 9 });
  contents.set(forgedName, Buffer.from(data));
  const result = await verify(await openRepository(store), [forgedName], { ...ALL, files: true });
  expect(result.problems).toEqual(['backup 9 has other readings than were counted when it was made']);
});
