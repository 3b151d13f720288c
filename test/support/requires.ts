import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/**
 * Skips the test, with its reason, where a system package is missing. In CI (which runs test:setup first) that is a failure
 * instead: a skip there would hide a broken set-up.
 */
export function skipOrFail(context: TestContext, missing: string): void {
  const reason = `${missing} is not installed (npm run test:setup installs it)`;
  if (process.env.CI) throw new Error(reason);
  context.skip(reason);
}

export function hasProgram(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

export function requireProgram(context: TestContext, program: string): void {
  if (!hasProgram(program)) skipOrFail(context, program);
}

/** Debian's Python: another one in PATH does not have Debian's packages. */
export const PYTHON = '/usr/bin/python3';

export function requirePythonModule(context: TestContext, module: string): void {
  if (spawnSync(PYTHON, ['-c', `import ${module}`]).status !== 0) skipOrFail(context, `Debian's python3-${module}`);
}

/** A file system of one's own needs root, or user namespaces, which some containers refuse. */
export function requireMounts(context: TestContext): void {
  if (spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status !== 0) {
    context.skip('this place refuses mounts in a namespace (unshare -rm)');
  }
}
