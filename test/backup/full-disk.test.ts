import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { JournalReader } from '../../agent/journal/reader.ts';
import { REPOSITORY, runProgram } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { requireMounts } from '../support/requires.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIRST_S = 1_772_323_200;
const THREE_DAYS_S = 3 * 86_400;

/** A journal, and a store on a disk of its own that keeps one backup. */
async function prepared() {
  const disk = await SmallDisk.mount(2);
  const directory = temporaryDirectory();
  const [stateDir, config] = [join(directory, 'state'), join(directory, 'config.yaml')];
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  const stores = [{ directory: join(disk.directory, 'place'), keepLast: 1 }];
  writeFileSync(config, JSON.stringify({ stateDir, meters, backup: { unencrypted: true, stores } }));
  fillJournal(stateDir, secondsFrom(FIRST_S, 3000));
  const run = async (...args: string[]) => {
    const program = join(REPOSITORY, 'agent/energy-monitor');
    const child = runProgram(...disk.command(program, ['backup', ...args, '--config', config]));
    const code = await child.ended;
    return { code, out: child.output(), err: child.errors() };
  };
  return { disk, stateDir, run };
}

test('a full disk: said in a sentence, nothing is damaged, the next run with room brings all', async (context) => {
  requireMounts(context);
  const { disk, stateDir, run } = await prepared();
  expect((await run('run')).code).toBe(0);
  disk.fill();
  fillJournal(stateDir, secondsFrom(FIRST_S + 3600, 3000));
  const full = await run('run');
  expect(full).toMatchObject({
    code: 74,
    err: expect.stringMatching(/cannot be used: the disk is full\n {2}make room there, or keep fewer backups\n/),
  });
  expect(full.out).toMatch(/^no backup in directory: /);
  expect(await run('verify', '--all')).toMatchObject({ code: 0 });
  disk.free();
  expect(await run('run')).toMatchObject({ code: 0, out: expect.stringMatching(/: 60\d\d readings .* verified/) });
  expect(await run('verify', '--all')).toMatchObject({ code: 0, out: expect.stringMatching(/whole\n$/) });
  const reader = new JournalReader(stateDir);
  const notes = [...reader.readings({ fromMs: 0, toMs: 4e12 })].filter(({ series }) => series.measurement === 'backup');
  reader.close();
  const runs = notes.filter(({ values }) => values.ok !== undefined);
  expect(runs.map(({ values }) => [values.ok, values.owed])).toEqual([
    [1, 0],
    [0, 1],
    [1, 0],
  ]);
});

test('a full disk lets go of what retention does not keep, and the backup is made', async (context) => {
  requireMounts(context);
  const { disk, stateDir, run } = await prepared();
  await run('run');
  fillJournal(stateDir, secondsFrom(FIRST_S + 3000, 10));
  // The newest stays; the objects of the first are old and needed no more.
  const place = disk.outside('place');
  for (const path of readdirSync(place, { recursive: true, encoding: 'utf8' })) {
    if (statSync(join(place, path)).isFile()) utimesSync(join(place, path), FIRST_S, FIRST_S - THREE_DAYS_S);
  }
  expect((await run('run')).code).toBe(0);
  disk.fill();
  fillJournal(stateDir, secondsFrom(FIRST_S + 3600, 500));
  const result = await run('run');
  expect(result).toMatchObject({ code: 0, out: expect.stringMatching(/: 35\d\d readings .* verified/) });
  expect(result.err).toMatch(/no room for the backup; old ones go first/);
  expect(await run('verify', '--all')).toMatchObject({ code: 0, out: expect.stringMatching(/whole\n$/) });
});
