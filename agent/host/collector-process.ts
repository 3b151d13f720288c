import { join } from 'node:path';
import { PID_FILE } from '../journal/lock.ts';
import type { Values } from '../readings/reading.ts';
import { textAt } from '../system/kernel-files.ts';
import { HOST } from './names.ts';

/** Resident memory of the running collector. Its pid file outlives it, and the number may be another program's by now. */
export function collectorProcess(root: string, stateDir: string): Values {
  const pid = textAt(join(stateDir, PID_FILE)) ?? '';
  if (!/^\d+$/.test(pid)) return {};
  const isAgent = textAt(join(root, `proc/${pid}/cmdline`))
    ?.split('\0')
    .some((argument) => argument.endsWith('/main.ts'));
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(textAt(join(root, `proc/${pid}/status`)) ?? '')?.[1];
  return !isAgent || kib === undefined ? {} : { [HOST.collectorMemory]: Number(kib) * 1024 };
}
