import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CollectorLock, PID_FILE } from '../../agent/journal/lock.ts';
import { asNobody, NOBODY } from '../support/nobody.ts';
import { open, readAll } from '../support/open-journal.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('a collector without the right to write its lock does not start', () => {
  const stateDir = temporaryDirectory();
  writeFileSync(join(stateDir, 'collector.lock'), '');
  chmodSync(join(stateDir, 'collector.lock'), 0o444);
  asNobody(stateDir, () =>
    expect(() => CollectorLock.acquire(stateDir)).toThrowError(expect.objectContaining({ code: 'permission' })),
  );
});

test('what root leaves keeps the collector of the service from nothing', (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can give files away');
  const stateDir = temporaryDirectory();
  chownSync(stateDir, NOBODY, NOBODY);
  CollectorLock.acquire(stateDir).release();
  expect(statSync(join(stateDir, PID_FILE)).uid).toBe(NOBODY);
  asNobody(stateDir, () => CollectorLock.acquire(stateDir).release());
});

test.each([
  'collector.lock',
  'journal.lock',
])('bytes that a failing card has put into %s keep no collector from its journal', (name) => {
  const stateDir = temporaryDirectory();
  open(stateDir).close();
  writeFileSync(join(stateDir, name), 'garbage '.repeat(1000));
  const journal = open(stateDir);
  journal.append(readingAt(1000), DECIMALS);
  journal.close();
  expect(readAll(stateDir).readings).toHaveLength(1);
});
