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
  const script = `${process.execPath} --disable-warning=ExperimentalWarning ${REPOSITORY}/test/support/full-tail.ts ${directory}/state`;
  const inSmallFileSystem = `mount -t tmpfs -o size=16k tmpfs ${runtime} && ${script} append 500 && echo && ${script} look`;
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
