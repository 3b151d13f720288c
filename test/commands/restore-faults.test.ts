import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { sha256 } from '../../agent/backup/manifest.ts';
import { backUp } from '../support/backups.ts';
import { finished, REPOSITORY, runProgram } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { requireMounts } from '../support/requires.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIRST_S = 1_772_323_200;

/** Two backups in a directory; commands that restore from there, by default into a directory that is not there yet. */
async function backedUpTwice(perDay = 50) {
  const directory = temporaryDirectory();
  const [state, place, target] = ['state', 'place', 'target'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const day of [0, 1]) {
    fillJournal(state, secondsFrom(FIRST_S + day * 86_400, perDay));
    await backUp(state, await DirectoryStore.open(place));
  }
  const args = (stateDir: string, ...more: string[]) => [
    ...['restore', ...more, '--from', place, '--state-dir', stateDir],
    ...['--config', join(directory, 'new', 'config.yaml')],
  ];
  const restore = (...more: string[]) => finished(args(target, ...more));
  return { place, target, args, restore };
}

/** Nothing was made. */
function expectNothing(target: string): void {
  expect(existsSync(target) ? readdirSync(target).filter((name) => name.includes('journal')) : []).toEqual([]);
}

test('a backup of a newer format is refused with what to do; one that is understood is restored', async () => {
  const { place, target, restore } = await backedUpTwice();
  const snapshots = join(place, 'snapshots');
  const newest = readdirSync(snapshots).sort().at(-1) ?? '';
  const manifest = JSON.parse(zstdDecompressSync(readFileSync(join(snapshots, newest))).toString()) as object;
  const newer = zstdCompressSync(Buffer.from(JSON.stringify({ ...manifest, sequence: 3, version: 99 })));
  writeFileSync(join(snapshots, `0000000003-${sha256(newer)}`), newer);
  const refused = await restore();
  expect(refused).toMatchObject({
    code: 74,
    err: expect.stringMatching(/format version 99.*\n {2}upgrade energy-monitor/),
  });
  expectNothing(target);
  expect(await restore('2')).toMatchObject({ code: 0, out: expect.stringMatching(/readings 100 of energy/) });
});

test('a repository of a newer format is refused with what to do', async () => {
  const { place, target, restore } = await backedUpTwice();
  const path = join(place, 'repository.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"version": \d+/, '"version": 99'));
  expect(await restore()).toMatchObject({ code: 74, err: expect.stringMatching(/upgrade energy-monitor/) });
  expectNothing(target);
});

test('a target without room is told of before anything is made, and with room all of it comes', async (context) => {
  requireMounts(context);
  const { args } = await backedUpTwice(20_000);
  const disk = await SmallDisk.mount(8);
  const target = join(disk.directory, 'state');
  const restore = async () => {
    const child = runProgram(...disk.command(join(REPOSITORY, 'agent/energy-monitor'), args(target)));
    const code = await child.ended;
    return { code, out: child.output(), err: child.errors() };
  };
  disk.fill();
  const full = await restore();
  expect(full).toMatchObject({ code: 74, out: '' });
  expect(full.err).toMatch(/needs \d+ MB in .*, and 0 MB are free\n {2}make room there/);
  disk.fill(300_000);
  const tooFull = await restore();
  expect(tooFull).toMatchObject({ code: 74, out: '' });
  expect(tooFull.err).toMatch(/the journal needs \d MB in \S+, and 1 MB are free\n {2}make room there/);
  expect(readdirSync(disk.outside('state')).filter((name) => name.includes('journal'))).toEqual([]);
  disk.free();
  expect(await restore()).toMatchObject({ code: 0, out: expect.stringMatching(/readings 40000 of energy/) });
});
