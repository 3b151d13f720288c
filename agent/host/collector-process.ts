import { PID_FILE } from '../journal/lock.ts';
import type { Values } from '../readings/reading.ts';
import { readText } from './files.ts';

/** Resident memory of the running collector. Its pid file outlives it, and the number may be another program's by now. */
export function collectorProcess(root: string, stateDir: string): Values {
  const pid = readText(stateDir, PID_FILE)?.trim() ?? '';
  if (!/^\d+$/.test(pid)) return {};
  const isAgent = readText(root, `proc/${pid}/cmdline`)
    ?.split('\0')
    .some((argument) => argument.endsWith('/main.ts'));
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readText(root, `proc/${pid}/status`) ?? '')?.[1];
  return !isAgent || kib === undefined ? {} : { collector_memory_bytes: Number(kib) * 1024 };
}
