import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { ConfigError } from '../../agent/config/config-error.ts';
import { EXAMPLE_CONFIG } from '../../agent/config/example.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { knownKeysAt } from '../../agent/config/schema.ts';
import { DEFAULT_STATE_DIR, plainStateDir } from '../../agent/config/state-dir.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function plainOf(text: string, directory = temporaryDirectory()): string | undefined {
  const path = join(directory, 'config.yaml');
  writeFileSync(path, text);
  return plainStateDir(path);
}

const METERS = 'meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]\n';
const BLOCK = `meters:
  - name: house
    model: we-515
    connection:
      tcp: 192.168.1.50:502 # the garage
  - name: garage
    unit: 2
    model: we-515
    connection: {tcp: '192.168.1.50:502'}
`;

test.for([
  EXAMPLE_CONFIG,
  `stateDir: /srv/energy\n${METERS}`,
  `${METERS}stateDir: /srv/energy # mine\njournal: {}\n`,
  `stateDir:   /srv/a-b_c.d\t \r\n${METERS.replace('\n', '\r\n')}`,
  `stateDir: /srv/energy\n\n# a comment\n  # another\n${METERS}`,
  `stateDir: "/srv/energy"\n${METERS}`,
  `stateDir: '/srv/two words # and this'  # mine\n${METERS}`,
  `# stateDir: /other\nstateDir: /srv/energy\n#stateDir: /more\n${BLOCK}`,
  `${BLOCK}journal:\n  flushInterval: 10s\nstateDir: /srv/energy\n`,
])('a path in the usual way is what the whole parser says it is: %j', (text) => {
  expect(plainOf(text)).toBe(parseConfig(text, 'config.yaml').stateDir);
});

test.for([
  METERS,
  BLOCK,
  `# stateDir: /srv/energy\n${BLOCK}`,
])("a configuration that names none has the default, which is the schema's: %j", (text) => {
  expect(plainOf(text)).toBe(DEFAULT_STATE_DIR);
  expect(parseConfig(text, 'config.yaml').stateDir).toBe(DEFAULT_STATE_DIR);
});

test.for([
  `${METERS}"state\\x44ir": /a\n`,
  `${METERS}"stateDir": /a\n`,
  `${METERS}stateDir: "/srv\\x44"\n`,
  `stateDir: /srv/two words\n${METERS}`,
  `stateDir: /srv/energy\n  and more\n${METERS}`,
  `stateDir: /srv/energy\n\n  and more\n${METERS}`,
  `stateDir: |\n  /srv/energy\n${METERS}`,
  `{stateDir: /a, ${METERS.trim()}}\n`,
  `${METERS}---\nstateDir: /a\n`,
  `stateDir: /a'\n${METERS}`,
  BLOCK.replaceAll(/^ {2}/gm, ''),
])('another way is left to the parser: %j', (text) => {
  expect(plainOf(text)).toBeUndefined();
});

test.for([
  '',
  'just a text\n',
  'stateDir: /srv/energy\n',
  'metres:\n  - name: house\n',
  '# meters:\njournal: {}\n',
  `statedir: /a\n${METERS}`,
  `stateDir: relative\n${METERS}`,
  `stateDir:\n${METERS}`,
  `stateDir: /a\nstateDir: /b\n${METERS}`,
  `${METERS}journal:\n  stateDir: /a\n`,
  'meters:\n',
  'meters: []\n',
  'meters: 3\n',
  'meters:\n  name: house\n',
  'meters: [{name: house\n',
  `stateDir: "/a\n${METERS}`,
  `stateDir: /a\n  journal: {}\n${METERS}`,
  BLOCK.replace('    model', '     model'),
  BLOCK.replace('    model', '\tmodel'),
  BLOCK.replace('model:', 'model'),
  `${BLOCK}journal: {\n`,
])('what is no right configuration is never accepted: %j', (text) => {
  expect(plainOf(text)).toBeUndefined();
  expect(() => parseConfig(text, 'config.yaml')).toThrowError(ConfigError);
});

test('one sign too few or too many: what is accepted is YAML, and means the same to it', () => {
  const text = `stateDir: "/srv/energy" # mine\n${BLOCK}journal: {maxSize: 1GB}\n`;
  const broken = [...text].flatMap((sign, i) =>
    ['', ...' -:#"\'[]{},\n'].map((other) => text.slice(0, i) + other + text.slice(i + (other === sign ? 0 : 1))),
  );
  const directory = temporaryDirectory();
  for (const mutated of new Set(broken)) {
    const path = plainOf(mutated, directory);
    if (path === undefined) continue;
    const { errors, contents } = parseDocument(mutated);
    expect(errors, mutated).toEqual([]);
    expect((contents?.toJSON() as { stateDir?: string }).stateDir ?? DEFAULT_STATE_DIR, mutated).toBe(path);
  }
});

test('the keys that may stand in the first column are those of the schema', () => {
  for (const key of knownKeysAt([])) {
    const text = key === 'meters' ? METERS : key === 'stateDir' ? 'stateDir: /a\n' : `${key}: {}\n`;
    expect(plainOf(key === 'meters' ? text : METERS + text), key).toBeDefined();
  }
  expect(plainOf(`${METERS}page: {}\n`)).toBeUndefined();
});

test('a file that cannot be read is left to the parser as well', () => {
  expect(plainStateDir('/nowhere.yaml')).toBeUndefined();
});
