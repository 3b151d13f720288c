import { readdirSync, readFileSync } from 'node:fs';
import type { Families } from './exposition.ts';

/** USER_HZ, in which /proc counts, is 100 on all that Raspberry Pi OS and Debian run on (proc(5)). */
const TICKS_PER_SECOND = 100;
/** Of what follows the name in /proc/self/stat: the 22nd field of all (proc(5)). */
const START_FIELD = 22 - 3;

/** The collector's process as a whole, under the names that all Prometheus clients give to it. */
export function processMetrics(families: Families): void {
  const { user, system } = process.cpuUsage();
  families.add(
    { name: 'process_cpu_seconds', type: 'counter', unit: 'seconds', help: 'Time of the processors, user and system.' },
    (user + system) / 1e6,
  );
  families.add(
    { name: 'process_resident_memory_bytes', type: 'gauge', unit: 'bytes', help: 'Resident memory.' },
    process.memoryUsage.rss(),
  );
  families.add(
    {
      name: 'process_start_time_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the process was started, in seconds since 1970.',
    },
    startSeconds(),
  );
  families.add({ name: 'process_open_fds', type: 'gauge', help: 'Files and sockets that are open.' }, openFiles());
}

/** By the clock as it is now: a Pi may have started with a wrong one. */
function startSeconds(): number | undefined {
  try {
    const bootSeconds = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1];
    // The name in parentheses may have spaces of its own.
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_FIELD];
    if (bootSeconds === undefined || ticks === undefined) return undefined;
    return Number(bootSeconds) + Number(ticks) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}

function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
