import { join } from 'node:path';
import type { Values } from '../readings/reading.ts';
import { numberAt, textAt } from '../system/kernel-files.ts';
import { HOST } from './names.ts';

/** Behind a core's name, and that of all of them. */
const LOAD = HOST.cpuLoad.replace(/^cpu/, '');

/** Ticks since boot (USER_HZ, 100 a second on every Pi and PC) by the names of /proc/stat: cpu is all, cpu0 the first core. */
export type CpuCounters = Record<string, { busy: number; total: number }>;

/** In ticks of one core: below, a load is mostly rounding; above, it is history and not the load of now. */
const LEAST_TICKS = 20;
const MOST_TICKS = 10 * 60 * 100;

/** proc(5): user nice system idle iowait irq softirq steal; guest and guest_nice are in user and nice already. */
export function cpuCounters(root: string): CpuCounters {
  const counters: CpuCounters = {};
  for (const [, name = '', fields = ''] of (textAt(join(root, 'proc/stat')) ?? '').matchAll(/^(cpu\d*) +([\d ]+)$/gm)) {
    const [user = 0, nice = 0, system = 0, idle, iowait = 0, irq = 0, softirq = 0, steal = 0] = fields
      .split(' ')
      .map(Number);
    if (idle === undefined) continue;
    const busy = user + nice + system + irq + softirq + steal;
    counters[name] = { busy, total: busy + idle + iowait };
  }
  return counters;
}

/**
 * Load between two looks, in percent of a core's time, or of all cores' for `cpu_load_percent`.
 * @returns nothing when the counters went backwards (a reboot), or lie too near or too far from each other
 */
export function cpuLoad(before: CpuCounters, after: CpuCounters): Values {
  const cores = Object.keys(after).length - 1;
  const ticks = ((after.cpu?.total ?? 0) - (before.cpu?.total ?? 0)) / cores;
  if (!before.cpu || !(ticks >= LEAST_TICKS && ticks <= MOST_TICKS)) return {};
  const values: Values = {};
  for (const [name, { busy, total }] of Object.entries(after)) {
    const earlier = before[name];
    if (!earlier) continue;
    if (busy < earlier.busy) return {};
    // The kernel's iowait can run backwards a little (proc(5)), so that more than all of the time would be busy.
    const share = (busy - earlier.busy) / (total - earlier.total);
    if (Number.isFinite(share)) values[`${name}${LOAD}`] = 100 * Math.min(1, Math.max(0, share));
  }
  return values;
}

/** The frequency that the kernel has set (cpufreq, kHz). All cores of a Pi share one; the firmware may cap it: see throttling. */
export function cpuFrequency(root: string): Values {
  const khz = numberAt(join(root, 'sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq'));
  return khz === undefined ? {} : { cpu_frequency_hertz: khz * 1000 };
}
