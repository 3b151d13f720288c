import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { REPOSITORY } from './child.ts';
import { requireProgram } from './requires.ts';

/** Debian as Raspberry Pi OS has it: 12 and 13. */
export type Suite = 'bookworm' | 'trixie';
export const SUITES: readonly Suite[] = ['bookworm', 'trixie'];

/** Where nobody may do this, nspawn cannot either. */
const TRIAL = 'mount -t tmpfs tmpfs /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m && mount -t overlay o -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m';

/** Skips the test, with its reason, where no Debian with a systemd of its own can be booted. */
export function requireNspawn(context: TestContext): void {
  if (process.geteuid?.() !== 0) context.skip('systemd-nspawn needs root');
  for (const program of ['systemd-nspawn', 'mmdebstrap', 'setpriv', 'unshare', 'nsenter', 'flock']) {
    requireProgram(context, program);
  }
  if (spawnSync('unshare', ['-m', 'sh', '-c', TRIAL]).status !== 0) context.skip('this place refuses mounts');
  if (!existsSync('/sys/fs/cgroup/cgroup.procs') && !existsSync('/sys/fs/cgroup/unified/cgroup.procs')) {
    context.skip('this place has no cgroup v2');
  }
}

const run = promisify(execFile);

/** The root file system of a Debian, which is made the first time (about 40 s). @returns its directory */
export async function rootfs(suite: Suite): Promise<string> {
  const { stdout } = await run('sh', [join(REPOSITORY, 'test/rootfs.sh'), suite]);
  return stdout.trim();
}
