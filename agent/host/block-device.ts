import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { textAt } from '../system/kernel-files.ts';

/** A mapped device can lie on a mapped device (LVM on LUKS); more layers than this are a circle. */
const MOST_LAYERS = 8;

/**
 * The sysfs directory of the whole disk below a file system, such as .../block/mmcblk0: a card wears as a whole.
 * @param device st_dev of a path in it, in the kernel's 32-bit encoding (makedev(3))
 * @param path the same path, for file systems whose st_dev is no device (btrfs)
 * @returns undefined when there is no disk (tmpfs, overlay, network)
 */
export function diskBelow(root: string, device: number, path: string): string | undefined {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  const start = major === 0 ? mountSource(root, path) : join('sys/dev/block', `${major}:${minor}`);
  return start === undefined ? undefined : wholeDisk(join(root, start), MOST_LAYERS);
}

function wholeDisk(directory: string, layers: number): string | undefined {
  if (layers === 0 || !existsSync(directory)) return undefined;
  const real = realpathSync(directory);
  if (existsSync(join(real, 'partition'))) return wholeDisk(dirname(real), layers - 1);
  // LVM and LUKS lie on one device; of a RAID with several none stands for all.
  const slaves = existsSync(join(real, 'slaves')) ? readdirSync(join(real, 'slaves')) : [];
  return slaves.length === 1 ? wholeDisk(join(real, 'slaves', slaves[0] ?? ''), layers - 1) : real;
}

/** Of the mount with the longest mount point above the path (proc(5), mountinfo); the later one lies above the earlier. */
function mountSource(root: string, path: string): string | undefined {
  let source: string | undefined;
  let longest = -1;
  for (const line of (textAt(join(root, 'proc/self/mountinfo')) ?? '').split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const point = unescaped(before.split(' ')[4] ?? '');
    const above = point !== '' && `${path}/`.startsWith(point === '/' ? '/' : `${point}/`);
    if (!above || point.length < longest) continue;
    longest = point.length;
    source = unescaped(after.split(' ')[1] ?? '');
  }
  if (source === undefined || !source.startsWith('/dev/')) return undefined;
  const name = existsSync(join(root, source)) ? realpathSync(join(root, source)) : source;
  return join('sys/class/block', basename(name));
}

/** mountinfo writes spaces and the like as \040. */
const unescaped = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
