import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { type Child, runCommand } from './child.ts';
import { Guest } from './nspawn.ts';
import { whyNoCgroup } from './nspawn-cgroup.ts';
import { GuestPi } from './nspawn-pi.ts';
import { rootfs, type Suite } from './nspawn-rootfs.ts';
import { requireProgram } from './requires.ts';
import { afterTest } from './side-by-side.ts';
import { temporaryDirectory } from './temporary.ts';

/** Where nobody may do this, nspawn cannot either. */
const TRIAL =
  'mount -t tmpfs tmpfs /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m && mount -t overlay o -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m';

/**
 * Skips the test, with its reason, where no Debian with a systemd of its own can be booted. The first one on a machine makes
 * the root file system, which takes a minute.
 */
export async function requireNspawn(context: TestContext, suite: Suite): Promise<void> {
  if (process.geteuid?.() !== 0) context.skip('systemd-nspawn needs root');
  for (const program of ['systemd-nspawn', 'mmdebstrap', 'setpriv', 'unshare', 'nsenter', 'flock']) {
    requireProgram(context, program);
  }
  if (spawnSync('unshare', ['-m', 'sh', '-c', TRIAL]).status !== 0) context.skip('this place refuses mounts');
  const noCgroup = whyNoCgroup();
  if (noCgroup) context.skip(noCgroup);
  // Also in CI: whether Debian's archive is there to make it from is nothing that a commit could mend.
  await rootfs(suite).catch(({ stderr }: { stderr: string }) => context.skip(stderr.trim()));
}

/** A Debian, switched off; gone when the test ends. */
export async function newGuest(suite: Suite): Promise<Guest> {
  const guest = await Guest.make(suite);
  afterTest(() => guest.remove());
  return guest;
}

/** A Pi with nothing of the agent on it, switched off, and a virtual meter at the pace of its line. */
export async function newPi(suite: Suite): Promise<{ pi: GuestPi; meter: Child }> {
  const pi = new GuestPi(await newGuest(suite));
  const link = join(temporaryDirectory(), 'energy-meter');
  const meter = runCommand(['simulate', '--link', link]);
  await meter.printed(/energy-meter/);
  pi.plugIn(link);
  return { pi, meter };
}

/** The same, running, with the checkout as its release. */
export async function installedPi(suite: Suite, config?: string): Promise<{ pi: GuestPi; meter: Child }> {
  const made = await newPi(suite);
  await made.pi.install(config);
  return made;
}
