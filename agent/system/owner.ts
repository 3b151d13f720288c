import { statSync } from 'node:fs';
import { errnoOf } from './errors.ts';

export interface Owner {
  uid: number;
  gid: number;
}

/**
 * To whom root gives what it makes in a directory: whose the directory is. What is run by hand with sudo must not lock out
 * the service's user.
 * @returns undefined for who is not root, and cannot give files away
 */
export function heirIn(directory: string): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(directory);
  return { uid, gid };
}

/** Some file systems and shares have one owner for all, whom the mount names. */
export function unlessOwnersAreFixed(error: unknown): void {
  if (!/^(EPERM|EINVAL|ENOSYS|ENOTSUP)$/.test(errnoOf(error) ?? '')) throw error;
}
