import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Values } from '../readings/reading.ts';
import { textAt } from '../system/kernel-files.ts';
import { HOST } from './names.ts';

/** The name that the kernel has for this machine. */
export function hostName(root: string): string {
  return textAt(join(root, 'proc/sys/kernel/hostname')) || hostname();
}

/** The Pi's model by its device tree (ends in a NUL), else the board by its firmware (DMI), else the CPU; '' when none tells. */
export function machineModel(root: string): string {
  const cpu = /^model name\s*:(.*)$/m.exec(textAt(join(root, 'proc/cpuinfo')) ?? '')?.[1];
  const tellers = [
    textAt(join(root, 'proc/device-tree/model')),
    textAt(join(root, 'sys/class/dmi/id/product_name')),
    cpu,
  ];
  return tellers.map((text) => text?.replaceAll('\0', '').trim()).find((text) => text) ?? '';
}

/** Seconds since boot; load averages: processes that run or wait for a core or the disk, over 1, 5 and 15 minutes (proc(5)). */
export function uptimeAndLoad(root: string): Values {
  const values: Values = {};
  const uptime = /^(\d+\.\d+) /.exec(textAt(join(root, 'proc/uptime')) ?? '');
  if (uptime) values[HOST.uptime] = Number(uptime[1]);
  const load = /^(\d+\.\d+) (\d+\.\d+) (\d+\.\d+) /.exec(textAt(join(root, 'proc/loadavg')) ?? '');
  if (load) Object.assign(values, { load_1m: Number(load[1]), load_5m: Number(load[2]), load_15m: Number(load[3]) });
  return values;
}
