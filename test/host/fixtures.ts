import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../support/temporary.ts';

/** /proc and /sys of a Raspberry Pi 4 on Raspberry Pi OS, as far as they are read, and more beside. */
export const PI = fileURLToPath(new URL('fixtures/pi4', import.meta.url));
/** A PC without sensors: btrfs on NVMe, a SATA disk, LUKS on LVM, a RAID. */
export const PC = fileURLToPath(new URL('fixtures/pc', import.meta.url));

/** A root with these files, each path with its text. */
export function rootWith(files: Readonly<Record<string, string>>, mode = 0o644): string {
  const root = temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode });
  }
  return root;
}
