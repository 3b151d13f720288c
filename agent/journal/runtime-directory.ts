import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** Key in `state` under which readers find the tail of the running collector. */
export const RUNTIME_DIRECTORY_KEY = 'runtimeDirectory';

/** Where files live that outlive the process but not a reboot. */
export interface RuntimeDirectory {
  path: string;
  /** False when no memory-backed place was found and the state directory itself has to serve. */
  inMemory: boolean;
}

/**
 * systemd's RuntimeDirectory, else the user's runtime directory, else /dev/shm, else the state directory itself. Each
 * state directory gets a place of its own, for its owner alone.
 */
export function runtimeDirectory(stateDir: string, env: NodeJS.ProcessEnv = process.env): RuntimeDirectory {
  const real = realpathSync(stateDir);
  const uid = process.getuid?.() ?? 0;
  const name = `energy-monitor-${uid}-${createHash('sha256').update(real).digest('hex').slice(0, 12)}`;
  const bases = [env.RUNTIME_DIRECTORY?.split(':')[0], env.XDG_RUNTIME_DIR, '/dev/shm'];
  for (const base of bases) {
    if (!base) continue;
    const path = join(base, name);
    if (ownDirectory(path, uid)) return { path, inMemory: true };
  }
  return { path: real, inMemory: false };
}

/** /dev/shm is open to all: a directory or link that somebody else put there is not used. */
function ownDirectory(path: string, uid: number): boolean {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const stat = lstatSync(path);
    return stat.isDirectory() && stat.uid === uid;
  } catch {
    return false;
  }
}
