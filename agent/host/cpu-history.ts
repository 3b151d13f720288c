import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Values } from '../readings/reading.ts';
import { type CpuCounters, cpuCounters, cpuLoad } from './cpu.ts';

const SAMPLE_MS = 250;

/**
 * CPU load since the previous run; without one that fits, over a short sleep, which itself costs no CPU.
 * @param path where the counters wait for the next run: a file in memory, since it is written each time; undefined: nowhere
 */
export async function cpuLoadSince(root: string, path: string | undefined): Promise<Values> {
  let counters = cpuCounters(root);
  if (counters.cpu === undefined) return {};
  let load = cpuLoad(path === undefined ? {} : previous(path), counters);
  if (load.cpu_load_percent === undefined) {
    const before = counters;
    await sleep(SAMPLE_MS);
    counters = cpuCounters(root);
    load = cpuLoad(before, counters);
  }
  if (path !== undefined) save(path, counters);
  return load;
}

function previous(path: string): CpuCounters {
  try {
    const counters: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof counters === 'object' && counters !== null ? (counters as CpuCounters) : {};
  } catch {
    return {};
  }
}

function save(path: string, counters: CpuCounters): void {
  try {
    writeFileSync(`${path}.new`, JSON.stringify(counters), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    // The next run samples again.
  }
}
