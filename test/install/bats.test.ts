import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, vi } from 'vitest';
import { REPOSITORY, runProgram } from '../support/child.ts';
import { requireProgram } from '../support/requires.ts';
import { expect, test } from '../support/side-by-side.ts';

const HERE = join(REPOSITORY, 'test/install');
const files = readdirSync(HERE).filter((name) => name.endsWith('.bats'));

beforeEach((context) => requireProgram(context, 'bats'));
vi.setConfig({ testTimeout: 300_000 });

// Each test of bats has a machine in a directory of its own.
test.for(files)('install.sh: %s', async (file) => {
  const bats = runProgram('bats', [join(HERE, file)]);
  const code = await bats.ended;
  // What passed is of no interest where something did not.
  expect(bats.output().replaceAll(/^ok .*\n/gm, ''), bats.errors()).toMatch(/^1\.\.\d+\n$/);
  expect(code).toBe(0);
});
