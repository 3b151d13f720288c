import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY } from '../support/child.ts';
import { requireMounts } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('a memory-backed place that is full tears no line: each reading goes to the card at once', (context) => {
  requireMounts(context);
  const directory = temporaryDirectory();
  const runtime = join(directory, 'run');
  mkdirSync(runtime);
  const script = `${process.execPath} --disable-warning=ExperimentalWarning ${REPOSITORY}/test/support/small-journal.ts ${directory}/state`;
  const inSmallFileSystem = `mount -t tmpfs -o size=16k tmpfs ${runtime} && ${script} append 1 500 && echo && ${script} look`;
  const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', inSmallFileSystem], {
    encoding: 'utf8',
    env: { ...process.env, RUNTIME_DIRECTORY: runtime },
  });
  const all = Array.from({ length: 500 }, (_, i) => (i + 1) * 1000);
  const [appended, restarted] = stdout.split('\n').map((line) => JSON.parse(line));
  expect(stderr).toBe('');
  expect(appended).toMatchObject({ inMemory: true, times: all });
  expect(appended.messages).toContainEqual(expect.stringMatching(/^the tail .* cannot be written: flushing at once$/));
  expect(restarted.times).toEqual(all);
});

test('a collector starts on a full disk, keeps what a killed one left, and commits all once there is room', (context) => {
  requireMounts(context);
  const directory = temporaryDirectory();
  const [disk, runtime] = [join(directory, 'disk'), join(directory, 'run')];
  for (const path of [disk, runtime]) mkdirSync(path);
  const script = `${process.execPath} --disable-warning=ExperimentalWarning ${REPOSITORY}/test/support/small-journal.ts ${disk}/state`;
  const steps = [
    `mount -t tmpfs -o size=2m tmpfs ${disk}`,
    `${script} flush 1 40`,
    'echo',
    `{ dd if=/dev/zero of=${disk}/ballast bs=1k 2>/dev/null || true; }`,
    `${script} flush 41 60`,
    'echo',
    `rm ${disk}/ballast`,
    `${script} look`,
  ];
  const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', steps.join(' && ')], {
    encoding: 'utf8',
    env: { ...process.env, RUNTIME_DIRECTORY: runtime },
  });
  expect(stderr).toBe('');
  const [before, full, after] = stdout.split('\n').map((line) => JSON.parse(line));
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => (i + 1) * 1000);
  expect(before.times).toEqual(upTo(40));
  expect(full.messages).toContainEqual(expect.stringMatching(/full/));
  expect(full.times).toEqual(upTo(60));
  expect(after.times).toEqual(upTo(60));
});
