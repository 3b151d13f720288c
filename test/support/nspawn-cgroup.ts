import { accessSync, constants, existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';
const TRIES = 500;

/** Where systemd runs this machine it gives nspawn a scope; else the process takes a cgroup of its own, in each hierarchy. */
const isSystemdHost = (): boolean => existsSync('/run/systemd/system');

/** Of cgroup v1 beside v2 those two that systemd uses, or v2 alone. */
const hierarchies = (): string[] => {
  const hybrid = ['systemd', 'unified'].map((name) => join(ROOT, name)).filter((path) => existsSync(path));
  return hybrid.length > 0 ? hybrid : [ROOT];
};

/** Why no guest can have a cgroup here; undefined: it can. */
export function whyNoCgroup(): string | undefined {
  const places = hierarchies();
  if (!places.some((path) => existsSync(join(path, 'cgroup.procs')))) return 'there are no cgroups here';
  try {
    for (const path of places) accessSync(path, constants.W_OK);
    return undefined;
  } catch {
    return 'this place lets nobody make a cgroup';
  }
}

/** What a shell does before it becomes nspawn, and options of nspawn. */
export function joinCgroup(name: string): { script: string; options: string[] } {
  if (isSystemdHost()) return { script: '', options: [] };
  const lines = hierarchies().map((path) => `mkdir -p ${path}/${name} && echo 0 >${path}/${name}/cgroup.procs\n`);
  return { script: lines.join(''), options: ['--keep-unit'] };
}

/** Removes what is left of it once its processes have ended. */
export async function leaveCgroup(name: string): Promise<void> {
  if (isSystemdHost()) return;
  for (const path of hierarchies()) {
    for (let tries = 0; existsSync(join(path, name)) && !isRemoved(join(path, name)) && tries < TRIES; tries++) {
      await sleep(20);
    }
  }
}

/** The kernel lets go of a cgroup whose last process has only just ended a moment later. */
function isRemoved(path: string): boolean {
  try {
    const inner = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of inner) isRemoved(join(path, name));
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}
