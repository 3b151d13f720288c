import { chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recall, recallPlace, remember, rememberPlace } from '../../agent/backup/memory.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('what is remembered of a repository comes back; of another, or of a damaged file, nothing does', () => {
  const stateDir = temporaryDirectory();
  const memory = { ...recall(stateDir, 'a'), nameKey: '00ff', sequence: 7 };
  remember(stateDir, 'a', memory);
  expect(recall(stateDir, 'a')).toEqual(memory);
  expect(recall(stateDir, 'b')).toMatchObject({ sequence: 0, files: {} });
  writeFileSync(join(stateDir, 'backup/a.json'), '{"seq');
  expect(recall(stateDir, 'a')).toMatchObject({ sequence: 0 });
});

test('each place has its repository', () => {
  const stateDir = temporaryDirectory();
  rememberPlace(stateDir, '/mnt/one', 'a');
  rememberPlace(stateDir, '/mnt/two', 'b');
  expect(['/mnt/one', '/mnt/two', '/mnt/three'].map((label) => recallPlace(stateDir, label))).toEqual([
    'a',
    'b',
    undefined,
  ]);
});

test('what root remembers belongs to the owner of the state directory', (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can give files away');
  const stateDir = temporaryDirectory();
  chownSync(stateDir, 65_534, 65_534);
  remember(stateDir, 'a', recall(stateDir, 'a'));
  expect([statSync(join(stateDir, 'backup')).uid, statSync(join(stateDir, 'backup/a.json')).uid]).toEqual([
    65_534, 65_534,
  ]);
});
