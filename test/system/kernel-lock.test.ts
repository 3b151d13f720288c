import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KernelLock } from '../../agent/system/kernel-lock.ts';
import { asNobody, NOBODY } from '../support/nobody.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('one holds it, and the file stays empty', () => {
  const path = join(temporaryDirectory(), 'lock');
  const lock = KernelLock.acquire(path);
  expect(KernelLock.acquire(path)).toBeUndefined();
  lock?.release();
  KernelLock.acquire(path)?.release();
  expect(statSync(path).size).toBe(0);
});

test('a file that may only be read locks nothing, and says so', () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'lock');
  writeFileSync(path, '');
  chmodSync(path, 0o444);
  asNobody(directory, () => {
    expect(() => KernelLock.acquire(path)).toThrowError(
      expect.objectContaining({
        code: 'permission',
        message: `the lock ${path} cannot be written`,
        hint: expect.stringContaining(`sudo chown --reference=${directory} ${path}`),
      }),
    );
  });
});

test('a lock that root makes excludes its service too', (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can give files away');
  const directory = temporaryDirectory();
  const path = join(directory, 'lock');
  chownSync(directory, NOBODY, NOBODY);
  const ofRoot = KernelLock.acquire(path);
  expect(ofRoot).toBeDefined();
  const { uid, gid } = statSync(path);
  expect([uid, gid]).toEqual([NOBODY, NOBODY]);
  asNobody(directory, () => expect(KernelLock.acquire(path)).toBeUndefined());
  ofRoot?.release();
  asNobody(directory, () => {
    const ofService = KernelLock.acquire(path);
    expect(ofService).toBeDefined();
    ofService?.release();
  });
});
