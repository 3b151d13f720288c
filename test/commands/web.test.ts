import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { matches } from '../../agent/web/http/password.ts';
import { REPOSITORY } from '../support/child.ts';

const run = (input: string) =>
  spawnSync(join(REPOSITORY, 'agent/energy-monitor'), ['web', 'password'], { input, encoding: 'utf8' });

test('web password prints what to write into the configuration, and never the password', () => {
  const { stdout, stderr, status } = run('open sesame\n');
  const { web } = parse(stdout) as { web: { passwordHash: string } };
  expect(matches('open sesame', web.passwordHash)).toBe(true);
  expect(stdout + stderr).not.toContain('sesame');
  expect(status).toBe(0);
});

test.each(['', 'short\n', `${'x'.repeat(300)}\n`])('one of another length is refused: %j', (input) => {
  const { stdout, stderr, status } = run(input);
  expect([stdout, status]).toEqual(['', 64]);
  expect(stderr).toBe('energy-monitor: a password of the page has 8 to 256 characters\n');
});
