import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Key in `state` under which readers find the tail of the running collector. */
export const RUNTIME_DIRECTORY_KEY = 'runtimeDirectory';

/** Where files live that outlive the process but not a reboot. */
export interface RuntimeDirectory {
  path: string;
  /** False when no memory-backed place was found and the state directory itself has to serve. */
  inMemory: boolean;
}

/** RuntimeDirectory= of the units in systemd/. */
const UNITS_BASE = '/run/energy-monitor';

const nameFor = (uid: number, realStateDir: string) =>
  `energy-monitor-${uid}-${createHash('sha256').update(realStateDir).digest('hex').slice(0, 12)}`;

/**
 * systemd's RuntimeDirectory, else the user's runtime directory, else /dev/shm, else the state directory itself. Each
 * state directory gets a place of its own, for its owner alone; in systemd's for the unit's group as well, whose members can
 * read the journal.
 */
export function runtimeDirectory(stateDir: string, env: NodeJS.ProcessEnv = process.env): RuntimeDirectory {
  const real = realpathSync(stateDir);
  const uid = process.getuid?.() ?? 0;
  const name = nameFor(uid, real);
  const bases = [
    { base: env.RUNTIME_DIRECTORY?.split(':')[0], mode: 0o750 },
    { base: env.XDG_RUNTIME_DIR, mode: 0o700 },
    { base: '/dev/shm', mode: 0o700 },
  ];
  for (const { base, mode } of bases) {
    if (!base) continue;
    const path = join(base, name);
    if (ownDirectory(path, uid, mode)) return { path, inMemory: true };
  }
  return { path: real, inMemory: false };
}

/** Where a collector of this state directory may be, whoever it runs as: for when the journal cannot tell. */
export function likelyDirectories(stateDir: string, env: NodeJS.ProcessEnv = process.env): string[] {
  const real = realpathSync(stateDir);
  const { uid } = statSync(real);
  const bases = [UNITS_BASE, env.XDG_RUNTIME_DIR, `/run/user/${uid}`, '/dev/shm'];
  return [...bases.flatMap((base) => (base ? [join(base, nameFor(uid, real))] : [])), real];
}

/** /dev/shm is open to all: a directory or link that somebody else put there is not used. */
function ownDirectory(path: string, uid: number, mode: number): boolean {
  try {
    mkdirSync(path, { recursive: true, mode });
    const stat = lstatSync(path);
    return stat.isDirectory() && stat.uid === uid;
  } catch {
    return false;
  }
}
