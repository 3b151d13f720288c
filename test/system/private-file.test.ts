import { spawnSync } from 'node:child_process';
import fs, { chownSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  prepareDirectory,
  readPrivateFile,
  requirePrivateFile,
  writePrivateFile,
} from '../../agent/system/private-file.ts';
import { REPOSITORY, runProgram } from '../support/child.ts';
import { NOBODY } from '../support/nobody.ts';
import { requireMounts } from '../support/requires.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function fileWith(text: string): string {
  const path = join(temporaryDirectory(), 'secret');
  writeFileSync(path, text);
  return path;
}

test("a secret is the file's text without the line's end, whoever reads it", () => {
  const path = fileWith('geheim\r\n');
  expect([readPrivateFile(path), requirePrivateFile(path)]).toEqual(['geheim', 'geheim']);
});

test('a secret that may be missing is undefined, one that has to be there is asked for', () => {
  const missing = join(temporaryDirectory(), 'secret');
  expect(readPrivateFile(missing)).toBeUndefined();
  expect(() => requirePrivateFile(missing)).toThrowError(/^the secret's file .* is not there$/);
  const empty = fileWith('\n');
  expect(readPrivateFile(empty)).toBeUndefined();
  expect(() => requirePrivateFile(empty)).toThrowError(/^the secret's file .* is empty$/);
});

test('what is no file is said in the same words, never read as missing', () => {
  for (const read of [readPrivateFile, requirePrivateFile])
    expect(() => read(temporaryDirectory())).toThrowError(/^the secret's file .* is a directory$/);
});

test('a path through a file is said as what it is', () => {
  const path = join(fileWith(''), 'secret');
  expect(() => readPrivateFile(path)).toThrowError(/cannot be read: a part of its path is no directory$/);
});

test('what killed processes left goes, what another one is writing stays', () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'note.json');
  const { pid: ended } = spawnSync('true');
  const left = [process.pid, ended].map((pid) => `${path}.${pid}.new`);
  const others = [`note.json.${process.ppid}.new`, `note.json.${ended}.new.old`, `other.json.${ended}.new`];
  for (const draft of [...left, ...others.map((name) => join(directory, name))]) writeFileSync(draft, 'half');
  writePrivateFile(path, 'whole');
  expect(readPrivateFile(path)).toBe('whole');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory).sort()).toEqual(['note.json', ...others].sort());
});

test('a probe that a killed process left stops nobody', () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, `.energy-monitor.${process.pid}.new`), '');
  prepareDirectory(directory);
  expect(readdirSync(directory)).toEqual([]);
});

test('what root writes belongs to whom the directory belongs', (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can give files away');
  const directory = temporaryDirectory();
  chownSync(directory, NOBODY, NOBODY);
  writePrivateFile(join(directory, 'secret'), 'geheim');
  expect(statSync(join(directory, 'secret')).uid).toBe(NOBODY);
});

/** Answers each fsync of a directory so. */
function refuseToSyncDirectories(errno: string): void {
  const sync = fs.fsyncSync;
  const spy = vi.spyOn(fs, 'fsyncSync').mockImplementation((fd) => {
    if (fs.fstatSync(fd).isDirectory()) throw Object.assign(new Error(errno), { code: errno });
    sync(fd);
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    spy.mockRestore();
    syncBuiltinESMExports();
  });
}

test.each(['EINVAL', 'ENOTSUP'])('a share that cannot sync a directory (%s) keeps secrets all the same', (errno) => {
  const path = join(temporaryDirectory(), 'secret');
  refuseToSyncDirectories(errno);
  writePrivateFile(path, 'geheim');
  expect(readPrivateFile(path)).toBe('geheim');
});

test('a disk that fails to sync a directory is told', () => {
  const path = join(temporaryDirectory(), 'secret');
  refuseToSyncDirectories('EIO');
  expect(() => writePrivateFile(path, 'geheim')).toThrowError(/secret cannot be written: EIO/);
});

test('on a disk that gets full while it is written, the old one stays whole', async (context) => {
  requireMounts(context);
  const disk = await SmallDisk.mount(1);
  const path = join(disk.directory, 'note');
  const script = `import('${REPOSITORY}/agent/system/private-file.ts').then(({ writePrivateFile }) => {
    const path = process.argv[1];
    writePrivateFile(path, 'old');
    fs.writeFileSync(path + '.room', Buffer.alloc(8192));
    try { for (;;) fs.writeFileSync(path + '.ballast', Buffer.alloc(4096), { flag: 'a' }); } catch {}
    fs.rmSync(path + '.room');
    try { writePrivateFile(path, 'x'.repeat(20_000)); } catch (error) { console.log(error.code, error.message); }
    console.log(fs.readFileSync(path, 'utf8').length, fs.readdirSync(require('path').dirname(path)).join());
  })`;
  const child = runProgram(...disk.command(process.execPath, ['-e', script, path]));
  await child.ended;
  expect([child.output(), child.errors()]).toEqual([
    `storage ${path} cannot be written: the disk is full\n4 note,note.ballast\n`,
    '',
  ]);
});
