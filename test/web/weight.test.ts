import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY } from '../support/child.ts';

const AGENT = join(REPOSITORY, 'agent');
const STATIC_IMPORT = /^(?:import|export)\s(?!type\s)(?:[^;']*?\sfrom\s)?'([^']+)'/gm;

/** What is loaded with a module: files below agent/, and packages, by who asked for them. */
function loadedWith(entry: string): { files: string[]; packages: Map<string, string> } {
  const files = new Set<string>();
  const packages = new Map<string, string>();
  const visit = (path: string) => {
    if (files.has(path)) return;
    files.add(path);
    const text = readFileSync(join(AGENT, path), 'utf8');
    for (const [, target = ''] of text.matchAll(STATIC_IMPORT)) {
      if (target.startsWith('.') && target.endsWith('.ts')) visit(relative(AGENT, join(AGENT, path, '..', target)));
      else if (!target.startsWith('.') && !target.startsWith('node:')) packages.set(target, path);
    }
  };
  visit(entry);
  return { files: [...files], packages };
}

test.each([
  ['web/worker.ts', []],
  ['web/health/health.ts', ['web/health/document.ts', 'report/gather.ts', 'journal/reader.ts']],
  ['web/metrics/metrics.ts', ['web/metrics/meters.ts', 'collector/status.ts']],
])('of packages %s takes only the log with it', (entry, sure) => {
  const { files, packages } = loadedWith(entry);
  expect(files).toEqual(expect.arrayContaining(sure));
  // zod, yaml and serialport would each cost the thread megabytes.
  expect([...packages].filter(([name]) => name !== 'pino')).toEqual([]);
});

test('what a scrape needs opens no journal and no history', () => {
  const { files } = loadedWith('web/metrics/metrics.ts');
  expect(files.filter((file) => /^(?:history|report)\/|journal\/(?:reader|feed|journal)\.ts$/.test(file))).toEqual([]);
});

test('nothing of health and metrics is loaded before it is asked for', () => {
  const { files } = loadedWith('web/worker.ts');
  expect(
    files.filter((file) => /^(?:history|report|forwarding|backup)\/|^web\/metrics\/(?!routes)/.test(file)),
  ).toEqual([]);
});
