import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { matches } from '../../agent/web/http/password.ts';
import { REPOSITORY } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';

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

test('config show and a mistake beside it do not show the hash', () => {
  const { web } = parse(run('open sesame\n').stdout) as { web: { passwordHash: string } };
  const file = join(temporaryDirectory(), 'config.yaml');
  const meters = 'meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]';
  const shown = (more: string) => {
    writeFileSync(file, `${meters}\nweb: {passwordHash: "${web.passwordHash}"${more}}\n`);
    return spawnSync(join(REPOSITORY, 'agent/energy-monitor'), ['config', 'show', '--config', file], {
      encoding: 'utf8',
    });
  };
  const right = shown('');
  expect(right.status).toBe(0);
  expect(right.stdout).toContain('passwordHash: "***"');
  const wrong = shown(', listn: off');
  expect(wrong.status).toBe(78);
  for (const { stdout, stderr } of [right, wrong]) expect(stdout + stderr).not.toContain('scrypt');
});
