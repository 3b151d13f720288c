import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listConfigured, pruneConfigured, verifyConfigured } from '../../agent/backup/command.ts';
import { type Configured, configured } from '../../agent/backup/configured.ts';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { readOutcomes } from '../../agent/backup/outcome.ts';
import { runAll } from '../../agent/backup/run-all.ts';
import { openRepository } from '../support/backups.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIRST_S = 1_772_323_200;
const DAY_S = 86_400;
const OPTIONS = { agentVersion: '0', log: silentLog, pausesMs: [] };
const VERIFY = { share: 1, identityFile: undefined, log: silentLog };

/** A journal of `days`, 50 readings each, and a configuration with these stores. */
function machine(days: number, stores: object[]): Configured {
  const directory = temporaryDirectory();
  const [stateDir, path] = [join(directory, 'state'), join(directory, 'config.yaml')];
  for (let day = 0; day < days; day++) fillJournal(stateDir, secondsFrom(FIRST_S + day * DAY_S, 50));
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  writeFileSync(path, JSON.stringify({ stateDir, meters, backup: { unencrypted: true, stores } }));
  return configured(path);
}

async function names(place: string): Promise<string[]> {
  return (await openRepository(DirectoryStore.at(place))).names();
}

test('a machine that replaces another pushes out nothing until a person has pruned, and says so each time', async () => {
  const place = temporaryDirectory();
  const [first] = await runAll(machine(30, [{ directory: place }]), OPTIONS);
  const successor = machine(1, [{ directory: place, keepLast: 3 }]);
  for (let i = 0; i < 5; i++) {
    const [run] = await runAll(successor, { ...OPTIONS, adopt: i === 0 });
    expect(run).toMatchObject({
      pruned: 0,
      problem: undefined,
      left: expect.stringMatching(/did not make.*backup prune/),
    });
  }
  expect(await names(place)).toContain(first?.result?.name);
  expect(readOutcomes(successor.stateDir).directory).toMatchObject({ left: expect.stringMatching(/did not make/) });
  expect((await pruneConfigured(successor, { dryRun: false })).results[0]?.removedSnapshots).toBe(3);
  const [after] = await runAll(successor, OPTIONS);
  expect(after).toMatchObject({ pruned: 1, left: undefined });
});

test('a machine that only prunes keeps the newest that is whole', async () => {
  const place = temporaryDirectory();
  const writer = machine(2, [{ directory: place, writeOnly: true }]);
  const [first] = await runAll(writer, OPTIONS);
  const store = await DirectoryStore.open(place);
  const repository = await openRepository(store);
  const whole = new Set((await repository.manifest(first?.result?.name ?? '')).objects.map(({ name }) => name));
  for (let i = 0; i < 2; i++) {
    fillJournal(writer.stateDir, secondsFrom(FIRST_S + (5 + i) * DAY_S, 10));
    const [run] = await runAll(writer, OPTIONS);
    const { objects } = await repository.manifest(run?.result?.name ?? '');
    for (const { name } of objects) if (!whole.has(name)) await store.remove(name);
  }
  const pruner = machine(0, [{ directory: place, keepLast: 1 }]);
  const { results } = await pruneConfigured(pruner, { dryRun: false });
  expect(results[0]?.verdicts.map(({ snapshot, keep }) => [snapshot.sequence, keep])).toEqual([
    [1, true],
    [2, false],
    [3, true],
  ]);
  expect(await names(place)).toContain(first?.result?.name);
});

test('a disk that goes away in the middle of a run holds up no other', async () => {
  const [place, other] = [temporaryDirectory(), temporaryDirectory()];
  const configuration = machine(3, [{ name: 'usb', directory: place }, { directory: other }]);
  let isGone = false;
  const onProgress = () => {
    if (isGone) return;
    isGone = true;
    renameSync(place, `${place}-away`);
    writeFileSync(place, '');
  };
  const runs = await runAll(configuration, { ...OPTIONS, onProgress });
  rmSync(`${place}-away`, { recursive: true });
  expect(runs.map(({ store, problem }) => [store, problem?.code])).toEqual([
    ['usb', 'storage'],
    ['directory', undefined],
  ]);
});

test('what cannot be noted of a backup ends none', async () => {
  const configuration = machine(1, [
    { directory: temporaryDirectory() },
    { name: 'b', directory: temporaryDirectory() },
  ]);
  mkdirSync(join(configuration.stateDir, 'backup/outcomes.json'), { recursive: true });
  const runs = await runAll(configuration, OPTIONS);
  expect(runs.map(({ problem }) => problem)).toEqual([undefined, undefined]);
});

test('stores that are away are told, and hold up what is asked of the others; stores that are gone are forgotten', async () => {
  const [place, file] = [temporaryDirectory(), join(temporaryDirectory(), 'file')];
  const configuration = machine(1, [{ directory: place }, { name: 'b', directory: join(file, 'below') }]);
  writeFileSync(file, '');
  await runAll(configuration, OPTIONS);
  for (const each of [
    await listConfigured(configuration, undefined),
    await verifyConfigured(configuration, VERIFY),
    await pruneConfigured(configuration, { dryRun: false }),
  ]) {
    expect(each.results).toHaveLength(1);
    expect(each.failures).toMatchObject([{ store: 'b', error: { code: 'storage' } }]);
  }
  expect(Object.keys(readOutcomes(configuration.stateDir))).toEqual(['directory', 'b']);
  const [only] = configuration.backup.stores;
  if (!only) throw new Error('no store');
  await runAll({ ...configuration, backup: { ...configuration.backup, stores: [only] } }, OPTIONS);
  expect(Object.keys(readOutcomes(configuration.stateDir))).toEqual(['directory']);
});

test('whose place is begun anew, or adopted, has to be said when there are several', async () => {
  const configuration = machine(1, [
    { directory: temporaryDirectory() },
    { name: 'b', directory: temporaryDirectory() },
  ]);
  for (const option of [{ anew: true }, { adopt: true }]) {
    await expect(runAll(configuration, { ...OPTIONS, ...option })).rejects.toMatchObject({
      code: 'usage',
      hint: 'name one of them: --store directory, --store b',
    });
  }
  expect(await runAll(configuration, { ...OPTIONS, anew: true, store: 'b' })).toHaveLength(1);
});

test('old backups that cannot go make the new one none the worse', async () => {
  const place = temporaryDirectory();
  const configuration = machine(1, [{ directory: place, keepLast: 1 }]);
  await runAll(configuration, OPTIONS);
  const snapshots = join(place, 'snapshots');
  const [old = ''] = readdirSync(snapshots);
  // A directory in its place can be neither read nor removed like a file.
  rmSync(join(snapshots, old));
  mkdirSync(join(snapshots, old, 'immutable'), { recursive: true });
  const [run] = await runAll(configuration, OPTIONS);
  expect(run).toMatchObject({
    problem: undefined,
    outcome: { owed: 0, good: { sequence: 2, bytes: expect.any(Number) } },
  });
});
