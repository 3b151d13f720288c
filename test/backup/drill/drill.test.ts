import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { configured } from '../../../agent/backup/configured.ts';
import { type DrillOptions, type DrillReport, drill } from '../../../agent/backup/drill/drill.ts';
import { drillText } from '../../../agent/backup/drill/text.ts';
import { writeNote } from '../../../agent/backup/notes.ts';
import { readOutcomes } from '../../../agent/backup/outcome.ts';
import { runAll } from '../../../agent/backup/run-all.ts';
import { journalPath } from '../../../agent/journal/database.ts';
import { JournalReader } from '../../../agent/journal/reader.ts';
import { backupLines } from '../../../agent/report/backup-text.ts';
import { problemsIn } from '../../../agent/report/problems.ts';
import { KernelLock } from '../../../agent/system/kernel-lock.ts';
import { newKeys } from '../../support/backups.ts';
import { finished, runCommand } from '../../support/child.ts';
import { wellFacts } from '../../support/facts.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { NOBODY } from '../../support/nobody.ts';
import { scriptedServer } from '../../support/scripted-server.ts';
import { silentLog } from '../../support/silent-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const FIRST_S = 1_772_323_200;
const DAY_S = 86_400;
const OPTIONS: DrillOptions = {
  which: 'latest',
  store: undefined,
  identityFile: undefined,
  scratch: undefined,
  influxd: undefined,
  log: silentLog,
  onProgress: () => {},
};

/** A machine with three days of 200 readings, backed up into its stores. */
async function backedUp(backup: object = { unencrypted: true }, names = ['usb']) {
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  for (let day = 0; day < 3; day++) fillJournal(path('state'), secondsFrom(FIRST_S + day * DAY_S, 200));
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  const stores = names.map((name) => ({ name, directory: path(name) }));
  writeFileSync(path('config'), JSON.stringify({ stateDir: path('state'), meters, backup: { stores, ...backup } }));
  const machine = configured(path('config'));
  const run = () => runAll(machine, { agentVersion: '0', log: silentLog });
  for (const { problem } of await run()) expect(problem).toBeUndefined();
  return { machine, path, run };
}

/** What another hand does to the journal. */
function change(stateDir: string, sql: string): void {
  const db = new DatabaseSync(journalPath(stateDir));
  db.exec(sql);
  db.close();
}

test('a backup comes back on trial, is compared and removed; status and journal tell it', async () => {
  const { machine, path } = await backedUp();
  const shown: string[] = [];
  const report = await drill(machine, { ...OPTIONS, onProgress: (what) => shown.push(what) });
  expect(report).toMatchObject({ store: 'usb', sequence: 1, problems: 0 });
  expect(report.parts).toEqual([
    { name: 'journal', done: 'restored, 600 readings, 600 of them compared with those here', problems: [] },
    { name: 'config', done: 'read, and valid', problems: [] },
  ]);
  expect(drillText(report)).toMatch(
    /^backup 1 of usb \(.*\n {2}journal {2}restored, .*\nall of it comes back, in \d+ s/s,
  );
  expect(new Set(shown)).toEqual(new Set(['journal', 'comparing the journal']));
  expect(readdirSync(path('state'))).not.toContain('energy-monitor-drill');
  const outcomes = readOutcomes(path('state'));
  expect(outcomes.usb).toMatchObject({ good: { sequence: 1 }, drilled: { sequence: 1, problems: 0 } });
  const facts = wellFacts({ backups: outcomes, nowMs: Date.now() });
  expect(backupLines(facts).join('\n')).toMatch(
    /^backup {6}usb: backup 1 is \d+ s old, 1 restored on trial \d+ s ago$/,
  );
  const reader = new JournalReader(path('state'));
  const told = reader.readings({ fromMs: 0, toMs: 4e12 }).filter(({ values }) => 'drill_problems' in values);
  reader.close();
  expect(told).toMatchObject([
    { series: { measurement: 'backup', model: 'usb' }, values: { drill_problems: 0, drill_sequence: 1 } },
  ]);
});

function drillProblems(stateDir: string): string[] {
  const facts = wellFacts({ backups: readOutcomes(stateDir), nowMs: Date.now() });
  const found = problemsIn(facts).filter(({ id }) => id === 'drill-failed');
  return found.map(({ message }) => message);
}

test('each drill takes the store whose turn it is, or the one that is named', async () => {
  const { machine, run } = await backedUp(undefined, ['usb', 'nas']);
  const turns: string[] = [];
  for (const store of [undefined, undefined, undefined, 'usb', undefined]) {
    turns.push((await drill(machine, { ...OPTIONS, store })).store);
    // A backup in between forgets nothing.
    await run();
  }
  expect(turns).toEqual(['usb', 'nas', 'usb', 'usb', 'nas']);
  await expect(drill(machine, { ...OPTIONS, store: 'none' })).rejects.toThrow(/there is no store none/);
});

test('what the backup or the journal has lost is found, and told until the next drill', async () => {
  const { machine, path } = await backedUp();
  const ofSecond = (day: number, second: number) => (FIRST_S + day * DAY_S + second) * 1000 * 1024;
  change(path('state'), `DELETE FROM reading WHERE key >= ${ofSecond(1, 10)} AND key < ${ofSecond(1, 15)}`);
  change(path('state'), `UPDATE reading SET data = zeroblob(length(data)) WHERE key / 1024 = ${(FIRST_S + 7) * 1000}`);
  fillJournal(path('state'), secondsFrom(FIRST_S + 2 * DAY_S + 1000, 3));
  // Days that have changed since the backup are known by their marks.
  const report = await drill(machine, OPTIONS);
  expect(report.parts[0]?.done).toMatch(/; 4 came late since, or were completed$/);
  expect(report.parts[0]?.problems).toEqual([
    'readings energy of 2026-03-02: 5 are in the backup alone: the journal has lost them',
  ]);
  expect(drillProblems(path('state'))).toEqual(['1 problem found when backup 1 of usb was restored on trial']);
  // What the marks do not tell of was lost on the way, or damaged.
  rmSync(join(path('state'), 'backup'), { recursive: true });
  expect((await drill(machine, OPTIONS)).parts[0]?.problems).toEqual([
    'readings energy of 2026-03-01: 1 have other values',
    'readings energy of 2026-03-02: 5 are in the backup alone: the journal has lost them',
    'readings energy of 2026-03-03: 3 are not in the backup: they came after it, or it has lost them',
  ]);
});

test('a damaged object is named, and the rest is tried', async () => {
  const { machine, path } = await backedUp();
  const objects = readdirSync(join(path('usb'), 'objects'), { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  for (const { parentPath, name } of objects) {
    const file = join(parentPath, name);
    writeFileSync(file, Buffer.from(readFileSync(file)).fill(0, 30, 40));
  }
  const report = await drill(machine, OPTIONS);
  expect(report.problems).toBeGreaterThan(0);
  expect(report.parts[0]).toMatchObject({ name: 'journal', done: expect.stringMatching(/^restored, /) });
  expect(report.parts.flatMap(({ problems }) => problems).join('\n')).toMatch(/of backup 1 is gone or damaged/);
  const cli = await finished(['backup', 'drill', '--config', path('config')]);
  expect(cli).toMatchObject({ code: 74, err: expect.stringMatching(/problems were found/) });
});

test('a backup that is pruned while it is tried is not a damaged one', async () => {
  const { machine, path, run } = await backedUp();
  await run();
  // As prune does it once there are newer ones: the snapshot, then what no other one needs.
  const prune = () => {
    const snapshots = readdirSync(path('usb'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      /^snapshots\/./.test(name),
    );
    rmSync(join(path('usb'), snapshots.sort()[0] ?? ''), { recursive: true });
    rmSync(join(path('usb'), 'objects'), { recursive: true });
  };
  let pruned = false;
  const onProgress = () => {
    if (!pruned) prune();
    pruned = true;
  };
  await expect(drill(machine, { ...OPTIONS, which: '1', onProgress })).rejects.toMatchObject({
    message: 'backup 1 was removed while it was tried',
  });
  expect(readOutcomes(path('state')).usb?.drilled).toBeUndefined();
});

test('a machine without a journal of its own restores, and compares nothing', async () => {
  const { machine, path } = await backedUp();
  rmSync(path('state'), { recursive: true });
  mkdirSync(path('state'));
  const { parts } = await drill(machine, OPTIONS);
  expect(parts[0]).toEqual({ name: 'journal', done: 'restored, 600 readings', problems: [] });
  // One with what the drill tells would be in the way of the restore that it was the rehearsal of.
  expect(existsSync(journalPath(path('state')))).toBe(false);
  rmSync(path('state'), { recursive: true });
  const cli = await finished(['backup', 'drill', '--config', path('config')]);
  expect(cli).toMatchObject({
    code: 74,
    err: expect.stringMatching(/^energy-monitor: .*drill.lock cannot be used: .*\n {2}/),
  });
});

test('an encrypted backup needs a key: the recovery key by hand, one of its own for a timer', async () => {
  const [recovery, own] = [await newKeys(), await newKeys()];
  const keys = temporaryDirectory();
  const file = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(keys, name), text, { mode });
    return join(keys, name);
  };
  const recipient = [recovery.recipient, own.recipient];
  const { machine, path } = await backedUp({ recipient });
  await expect(drill(machine, OPTIONS)).rejects.toMatchObject({
    code: 'config',
    hint: expect.stringMatching(/--identity-file/),
  });
  expect(readOutcomes(path('state')).usb?.drilled).toBeUndefined();
  const withKey = (identityFile: string) => ({ ...machine, backup: { ...machine.backup, drill: { identityFile } } });
  const good = file('own', own.identity);
  expect(await drill(withKey(good), OPTIONS)).toMatchObject({ problems: 0 });
  expect(await drill(machine, { ...OPTIONS, identityFile: file('recovery', recovery.identity) })).toMatchObject({
    problems: 0,
  });
  const other = file('other', (await newKeys()).identity);
  await expect(drill(withKey(other), OPTIONS)).rejects.toThrow(/another than that of the backup/);
  await expect(drill(withKey(file('open', own.identity, 0o644)), OPTIONS)).rejects.toMatchObject({
    code: 'permission',
  });
  await expect(drill(withKey('drill.key'), OPTIONS)).rejects.toThrow(/there is no credential drill.key/);
  expect(drillProblems(path('state'))).toEqual([expect.stringMatching(/on trial: there is no credential drill.key/)]);
  // As a list of rights for the unit's user makes it look.
  vi.stubEnv('CREDENTIALS_DIRECTORY', keys);
  onTestFinished(() => void vi.unstubAllEnvs());
  file('drill.key', own.identity, 0o440);
  expect(await drill(withKey('drill.key'), OPTIONS)).toMatchObject({ problems: 0 });
});

test('a credential of a store that is refused is told, and the next drill takes the other store', async () => {
  const { machine, path } = await backedUp();
  const { url } = await scriptedServer(() => ({ status: 403, headers: { 'x-ms-error-code': 'AuthenticationFailed' } }));
  const azure = { name: 'cloud', azure: `${url}/home//energy`, writeOnly: false };
  const stores = [...machine.backup.stores, { ...azure, sasFile: path('sas') }];
  const both = { ...machine, backup: { ...machine.backup, stores } };
  writeFileSync(path('sas'), 'sv=2024-11-04&sr=c&sp=rl&sig=c2VjcmV0&se=2026-01-01T00%3A00%3A00Z', { mode: 0o600 });
  const label = `${url}/home/energy`;
  const known = { label, triedMs: 1, owed: 0, good: { sequence: 4, madeMs: 1 } };
  writeNote(path('state'), 'outcomes', { ...readOutcomes(path('state')), cloud: known });
  await drill(both, OPTIONS);
  await expect(drill(both, OPTIONS)).rejects.toMatchObject({ code: 'permission' });
  expect(readOutcomes(path('state')).cloud).toMatchObject({ ...known, drilled: { failed: expect.any(String) } });
  expect(await drill(both, OPTIONS)).toMatchObject({ store: 'usb' });
});

test('what root tries out in a directory of another can be removed by that one', async (context) => {
  if (process.geteuid?.() !== 0) context.skip('only root gives files away');
  const { machine, path } = await backedUp();
  chownSync(path('state'), NOBODY, NOBODY);
  const owners = new Set<number>();
  const scratch = join(path('state'), 'energy-monitor-drill');
  await drill(machine, { ...OPTIONS, onProgress: () => owners.add(statSync(scratch).uid) });
  expect([...owners]).toEqual([NOBODY]);
});

test('a store that is away is told until a drill succeeds', async () => {
  const { machine, path } = await backedUp();
  rmSync(path('usb'), { recursive: true });
  await expect(drill(machine, OPTIONS)).rejects.toMatchObject({ code: 'storage' });
  expect(drillProblems(path('state'))).toEqual([
    expect.stringMatching(/^no backup of usb could be restored on trial: there is no backu/),
  ]);
});

test('one at a time; what a killed one has left goes with the next', async () => {
  const { machine, path } = await backedUp();
  const held = KernelLock.acquire(join(path('state'), 'drill.lock'));
  await expect(drill(machine, OPTIONS)).rejects.toMatchObject({ code: 'locked' });
  held?.release();
  const scratch = join(path('state'), 'energy-monitor-drill');
  for (let kill = 0; kill < 3; kill++) {
    const child = runCommand(['backup', 'drill', '--config', path('config')]);
    while (!existsSync(join(scratch, 'journal.db.restoring')) && child.process.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await child.end('SIGKILL');
  }
  const again = await finished(['backup', 'drill', '--json', '--config', path('config')]);
  expect(again).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(again.out)).toMatchObject({ problems: 0 });
  expect(existsSync(scratch)).toBe(false);
  expect(machine.stateDir).toBe(path('state'));
});

test('--scratch names another place, which has to have room', async () => {
  const { machine, path } = await backedUp();
  const scratch = temporaryDirectory();
  const [mine, other] = [await backedUp(), await backedUp()];
  // Two machines with one disk: neither takes away what the other one is trying.
  let meanwhile: Promise<DrillReport> | undefined;
  const onProgress = (what: string) => {
    if (what === 'journal') meanwhile ??= drill(other.machine, { ...OPTIONS, scratch });
  };
  expect(await drill(mine.machine, { ...OPTIONS, scratch, onProgress })).toMatchObject({ problems: 0 });
  expect(await meanwhile).toMatchObject({ problems: 0 });
  await drill(machine, { ...OPTIONS, scratch });
  expect(readdirSync(scratch)).toEqual([]);
  await expect(drill(machine, { ...OPTIONS, scratch: path('nowhere') })).rejects.toMatchObject({ code: 'storage' });
});
