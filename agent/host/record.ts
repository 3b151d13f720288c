import { join } from 'node:path';
import { ensureStateDir } from '../journal/database.ts';
import { deliver } from '../journal/inbox.ts';
import { runtimeDirectory } from '../journal/runtime-directory.ts';
import type { Values } from '../readings/reading.ts';
import { gatherHost } from './host-metrics.ts';

/** Puts how the machine is into the journal. @throws AgentError when the journal cannot be written */
export async function recordHost(stateDir: string, agent: () => Values): Promise<void> {
  ensureStateDir(stateDir);
  // systemd's own RuntimeDirectory goes when a one-shot ends, and the counters with it.
  const { RUNTIME_DIRECTORY: _, ...env } = process.env;
  const { path, inMemory } = runtimeDirectory(stateDir, env);
  const memory = inMemory ? { cpuCountersPath: join(path, 'host-cpu.json') } : {};
  const { reading, decimals } = await gatherHost({ stateDir, agent, ...memory });
  deliver(stateDir, [{ kind: 'reading', reading, decimals }]);
}
