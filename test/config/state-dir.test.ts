import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { EXAMPLE_CONFIG } from '../../agent/config/example.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { plainStateDir } from '../../agent/config/state-dir.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function plainOf(text: string): string | undefined {
  const path = join(temporaryDirectory(), 'config.yaml');
  writeFileSync(path, text);
  return plainStateDir(path);
}

test.for([
  EXAMPLE_CONFIG,
  'stateDir: /srv/energy\n',
  'meters: []\nstateDir: /srv/energy # mine\njournal: {}\n',
  'stateDir:   /srv/a-b_c.d\t \r\nmeters: []\r\n',
  'stateDir: /srv/energy\n\n# a comment\n  # another\nmeters: []\n',
])('a plain path is what YAML says it is: %j', (text) => {
  expect(plainOf(text)).toBe((parse(text) as { stateDir: string }).stateDir);
});

test.for([
  'meters: []\n"state\\x44ir": /a\n',
  'stateDir: "/srv/energy"\n',
  'stateDir: /srv/two words\n',
  'stateDir: /srv/energy\n  and more\n',
  'stateDir: /srv/energy\n\n  and more\n',
  'stateDir: relative\n',
  'stateDir: |\n  /srv/energy\n',
  'stateDir: /a\nstateDir: /b\n',
  '{stateDir: /a}\n',
  'a: 1\n---\nstateDir: /a\n',
  'journal:\n  stateDir: /a\n',
])('anything else is left to the parser: %j', (text) => {
  expect(plainOf(text)).toBeUndefined();
});

test("a configuration that names none has the default, which is the schema's", () => {
  const rest = 'meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]\n';
  expect(plainOf(rest)).toBe(parseConfig(rest, 'config.yaml').stateDir);
});

test('a file that cannot be read as well', () => {
  expect(plainStateDir('/nowhere.yaml')).toBeUndefined();
});
