import { chownSync } from 'node:fs';

/** A user without rights, by convention. */
export const NOBODY = 65_534;

/** Does it without root's rights, in a directory that belongs to who does it; who is not root is no more than that already. */
export function asNobody(directory: string, work: () => void): void {
  if (process.geteuid?.() !== 0) {
    work();
    return;
  }
  chownSync(directory, NOBODY, NOBODY);
  process.setegid?.(NOBODY);
  process.seteuid?.(NOBODY);
  try {
    work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
