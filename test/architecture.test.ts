import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY } from './support/child.ts';

const AGENT = join(REPOSITORY, 'agent');
const DOCUMENT = readFileSync(join(REPOSITORY, 'ARCHITECTURE.md'), 'utf8');
const PACKAGE = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as Record<
  string,
  Record<string, string>
>;

/** Rows `| `agent/room/` | what | a, b |` of the layer table. */
const LAYERS = new Map(
  [...DOCUMENT.matchAll(/^\| `agent\/([a-z]+)\/` *\|[^|\n]*\|([^|\n]*)\|$/gm)].map((row) => [
    row[1] ?? '',
    new Set(
      (row[2] ?? '')
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '-'),
    ),
  ]),
);

const files = readdirSync(AGENT, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
const roomOf = (path: string) => (path.includes('/') ? (path.split('/')[0] ?? '') : 'main');

/** Relative imports of a file, static and dynamic, as paths below agent/. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(AGENT, path), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers
    .map((specifier) => relative(AGENT, join(AGENT, path, '..', specifier)))
    .filter((target) => !target.startsWith('..'));
}

function packagesOf(path: string): string[] {
  const text = readFileSync(join(AGENT, path), 'utf8');
  return [...text.matchAll(/(?:from|import|require)\s*\(?\s*'((?!node:)[a-z@][^']*)'/g)].map(
    (match) => (match[1] ?? '').match(/^(?:@[^/]+\/)?[^/]+/)?.[0] ?? '',
  );
}

test('every room of agent/ is in the layer table, and no other', () => {
  const rooms = new Set(files.map(roomOf).filter((room) => room !== 'main'));
  expect([...LAYERS.keys()].sort()).toEqual([...rooms].sort());
});

test('imports go down the layer table only', () => {
  const wrong = files.flatMap((path) =>
    importsOf(path)
      .filter((target) => roomOf(path) !== 'main' && roomOf(target) !== roomOf(path))
      .filter((target) => !LAYERS.get(roomOf(path))?.has(roomOf(target)))
      .map((target) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test('the layer table has no circle', () => {
  const reaches = (from: string, seen = new Set<string>()): Set<string> => {
    for (const next of LAYERS.get(from) ?? []) if (!seen.has(next)) reaches(next, seen.add(next));
    return seen;
  };
  for (const room of LAYERS.keys()) expect(reaches(room).has(room), room).toBe(false);
});

test('the packages that touch wire, files and memory are imported by the lowest rooms alone', () => {
  const rooms = new Map<string, Set<string>>();
  for (const path of files)
    for (const name of packagesOf(path)) rooms.set(name, (rooms.get(name) ?? new Set()).add(roomOf(path)));
  expect([...(rooms.get('serialport') ?? [])]).toEqual(['modbus']);
  expect([...(rooms.get('modbus-serial') ?? [])]).toEqual(['modbus']);
  expect([...(rooms.get('pino') ?? [])]).toEqual(['system']);
  expect([...(rooms.get('koffi') ?? [])]).toEqual(['system']);
  expect([...(rooms.get('systeminformation') ?? [])]).toEqual(['host']);
  expect([...(rooms.get('zod') ?? [])]).toEqual(['config']);
});

test('the SDK of Azure is loaded by one folder, and only when a store in Azure is opened', () => {
  const users = files.filter((path) => packagesOf(path).some((name) => name.startsWith('@azure/')));
  expect(users.filter((path) => !path.startsWith('backup/azure/'))).toEqual([]);
  const first = users.filter((path) =>
    /^import (?!type )[^;]*'@azure\//m.test(readFileSync(join(AGENT, path), 'utf8')),
  );
  expect(first).toEqual([]);
});

test('each dependency is pinned to one exact version and has a reason in ARCHITECTURE.md', () => {
  const { dependencies, optionalDependencies, devDependencies } = PACKAGE;
  for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    expect(DOCUMENT, name).toContain(`\`${name}\``);
  }
  expect(new Set(Object.values(optionalDependencies ?? {})).size).toBe(1);
});

test.each(['package-lock.json', 'test/azurite/package-lock.json'])('%s names no registry', (path) => {
  const lock = readFileSync(join(REPOSITORY, path), 'utf8');
  expect(lock).not.toContain('"resolved"');
  expect(lock).toContain('"integrity"');
});

test('no file of the agent is longer than 300 lines', () => {
  expect(files.filter((path) => readFileSync(join(AGENT, path), 'utf8').split('\n').length > 300)).toEqual([]);
});
