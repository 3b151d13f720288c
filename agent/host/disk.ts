import { realpathSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Values } from '../readings/reading.ts';
import { textAt } from '../system/kernel-files.ts';
import { diskBelow } from './block-device.ts';
import { HOST } from './names.ts';

/** Sectors in sysfs are of 512 bytes, whatever the disk's are (kernel documentation, block/stat). */
const SECTOR_BYTES = 512;
const SECTORS_WRITTEN_FIELD = 6;

/** Size of the file system of a directory, and what an ordinary user can still write to it. */
export function diskSpace(directory: string): Values {
  const { bsize, blocks, bavail } = statfsSync(directory);
  // Some file systems have no size to tell (overlays in memory): no size is not a size of 0.
  return blocks === 0 ? {} : { [HOST.diskTotal]: blocks * bsize, [HOST.diskFree]: bavail * bsize };
}

/** Bytes written since boot to the disk that a directory lies on. */
export function diskWritten(root: string, directory: string): Values {
  const path = realpathSync(directory);
  const disk = diskBelow(root, statSync(path).dev, path);
  return disk === undefined ? {} : bytesWritten(disk);
}

/** @param disk its sysfs directory */
export function bytesWritten(disk: string): Values {
  const sectors = textAt(join(disk, 'stat'))?.split(/\s+/)[SECTORS_WRITTEN_FIELD];
  return sectors === undefined || !/^\d+$/.test(sectors) ? {} : { [HOST.diskWritten]: Number(sectors) * SECTOR_BYTES };
}
