import { join } from 'node:path';
import { linkAt, namesIn, pathBehind, textAt } from './kernel-files.ts';

/** A program that has a port open. */
export interface Holder {
  pid: number;
  program: string;
  /** It is an energy-monitor; what it does. */
  command: string | undefined;
}

/**
 * Who has a port open, as far as this user may see: processes of others only root can look into.
 * @param root for tests: what stands for /
 */
export function holdersOf(port: string, root = '/'): Holder[] {
  const device = pathBehind(port) ?? port;
  const proc = join(root, 'proc');
  return namesIn(proc).flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    const descriptors = join(proc, pid, 'fd');
    if (!namesIn(descriptors).some((fd) => linkAt(join(descriptors, fd)) === device)) return [];
    const words = (textAt(join(proc, pid, 'cmdline')) ?? '').split('\0');
    const main = words.findIndex((word) => /(?:^|\/)agent\/main\.ts$/.test(word));
    // Only the command's name: the rest of a command line can hold a secret.
    const command = main < 0 ? undefined : words[main + 1];
    // A virtual meter has both ends of its line.
    if (command === 'simulate') return [];
    return [{ pid: Number(pid), program: textAt(join(proc, pid, 'comm')) ?? 'a program', command }];
  });
}
