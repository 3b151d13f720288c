import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Debian as Raspberry Pi OS has it: 12 and 13. */
export type Suite = 'bookworm' | 'trixie';
export const SUITES: readonly Suite[] = ['bookworm', 'trixie'];

const SCRIPT = join(import.meta.dirname, '../rootfs.sh');

const run = promisify(execFile);

/** The root file system of a Debian, which is made the first time (about 40 s). @returns its directory */
export async function rootfs(suite: Suite): Promise<string> {
  const { stdout } = await run('sh', [SCRIPT, suite]);
  return stdout.trim();
}
