import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diskBelow } from '../../agent/host/block-device.ts';
import { bytesWritten, diskSpace } from '../../agent/host/disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { PC, PI, rootWith } from './fixtures.ts';

const device = (major: number, minor: number) => (major << 8) | (minor & 0xff) | ((minor & ~0xff) << 12);
/** An anonymous device number, as btrfs and overlays have. */
const ANONYMOUS = device(0, 30);

test.for([
  ['the second partition of a card', PI, device(179, 2), '/var/lib/energy-monitor', 'mmcblk0'],
  ['a card without partitions', PI, device(179, 0), '/', 'mmcblk0'],
  ['a partition of NVMe', PC, device(259, 3), '/', 'nvme0n1'],
  ['LVM on a partition', PC, device(254, 0), '/', 'sda'],
  ['LUKS on LVM', PC, device(254, 1), '/', 'sda'],
  ['a RAID of two disks', PC, device(9, 0), '/', 'md0'],
  ['btrfs at the root', PC, ANONYMOUS, '/var/lib/energy-monitor', 'nvme0n1'],
  ['btrfs at a mount point with a space', PC, ANONYMOUS, '/mnt/two words/state', 'sda'],
] as const)('the disk below %s', ([, root, number, path, name]) => {
  expect(diskBelow(root, number, path)?.split('/').at(-1)).toBe(name);
});

test.for([
  ['memory', PC, ANONYMOUS, '/tmp/state'],
  ['a device that sysfs does not know', PC, device(8, 99), '/'],
  ['a machine without sysfs', '/nowhere', device(8, 1), '/'],
  ['a machine without mountinfo', '/nowhere', ANONYMOUS, '/'],
] as const)('no disk below %s', ([, root, number, path]) => {
  expect(diskBelow(root, number, path)).toBeUndefined();
});

test('an overlay and a network share have no disk', () => {
  const mountinfo = '1 0 0:30 / / rw - overlay overlay rw,upperdir=/x\n2 1 0:31 / /nas rw - nfs4 nas:/volume rw\n';
  const root = rootWith({ 'proc/self/mountinfo': mountinfo });
  for (const path of ['/var', '/nas/state']) expect(diskBelow(root, ANONYMOUS, path)).toBeUndefined();
});

test('bytes written: sectors of 512 bytes of the whole card, not of the partition', () => {
  expect(bytesWritten(diskBelow(PI, device(179, 2), '/') ?? '')).toEqual({ disk_written_bytes: 1204488 * 512 });
});

test.for(['', '1 2 3', 'a b c d e f g'])('no bytes written from a stat of %j', (stat) => {
  expect(bytesWritten(rootWith({ stat }))).toEqual({});
});

test('space of the file system; a directory that is not there throws for its caller to leave out', () => {
  const { disk_total_bytes = 0, disk_free_bytes = 0 } = diskSpace(temporaryDirectory());
  expect(disk_total_bytes).toBeGreaterThan(disk_free_bytes);
  expect(disk_free_bytes).toBeGreaterThan(0);
  expect(() => diskSpace(join(temporaryDirectory(), 'none'))).toThrow();
});
