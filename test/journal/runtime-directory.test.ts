import { realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { likelyDirectories, runtimeDirectory } from '../../agent/journal/runtime-directory.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const modeOf = (path: string) => statSync(path).mode & 0o777;

test("systemd's directory is for the group as well, that of a user for nobody else", () => {
  const stateDir = temporaryDirectory();
  const base = temporaryDirectory();
  const unit = runtimeDirectory(stateDir, { RUNTIME_DIRECTORY: `${join(base, 'unit')}:/nowhere` });
  expect([unit.inMemory, dirname(unit.path), modeOf(unit.path)]).toEqual([true, join(base, 'unit'), 0o750]);
  const user = runtimeDirectory(stateDir, { XDG_RUNTIME_DIR: join(base, 'user') });
  expect([user.inMemory, dirname(user.path), modeOf(user.path)]).toEqual([true, join(base, 'user'), 0o700]);
});

test('who cannot ask the journal finds the collector in each place where it can be', () => {
  const [stateDir, base] = [temporaryDirectory(), temporaryDirectory()];
  const own = runtimeDirectory(stateDir, { XDG_RUNTIME_DIR: base });
  const likely = likelyDirectories(stateDir, { XDG_RUNTIME_DIR: base });
  expect(likely).toContain(own.path);
  expect(likely[0]).toMatch(/^\/run\/energy-monitor\/energy-monitor-\d+-[0-9a-f]{12}$/);
  expect(likely.at(-1)).toBe(realpathSync(stateDir));
});
