import { join } from 'node:path';
import type { Values } from '../readings/reading.ts';
import { textAt } from '../system/kernel-files.ts';
import { HOST } from './names.ts';

/** Memory and swap (/proc/meminfo, whose kB are 1024 bytes). Available is the kernel's own estimate, caches included. */
export function memory(root: string): Values {
  const text = textAt(join(root, 'proc/meminfo')) ?? '';
  const bytes = (name: string) => {
    const kib = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  };
  const values: Values = {};
  const set = (name: string, value: number | undefined) => {
    if (value !== undefined) values[name] = value;
  };
  const swapTotal = bytes('SwapTotal');
  const swapFree = bytes('SwapFree');
  set(HOST.memoryTotal, bytes('MemTotal'));
  set(HOST.memoryAvailable, bytes('MemAvailable'));
  set('swap_total_bytes', swapTotal);
  set(HOST.swapUsed, swapTotal === undefined || swapFree === undefined ? undefined : swapTotal - swapFree);
  return values;
}
