import { statSync } from 'node:fs';

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
