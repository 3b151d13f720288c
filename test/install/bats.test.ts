import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY, runProgram } from '../support/child.ts';
import { requireProgram } from '../support/requires.ts';

const HERE = join(REPOSITORY, 'test/install');
const files = readdirSync(HERE).filter((name) => name.endsWith('.bats'));

// Each test of bats has a machine in a directory of its own.
test.concurrent.for(files)('install.sh: %s', { timeout: 600_000 }, async (file, context) => {
  requireProgram(context, 'bats');
  const bats = runProgram('bats', [join(HERE, file)]);
  const code = await bats.ended;
  // What passed is of no interest where something did not.
  expect(bats.output().replaceAll(/^ok .*\n/gm, ''), bats.errors()).toMatch(/^1\.\.\d+\n$/);
  expect(code).toBe(0);
});
