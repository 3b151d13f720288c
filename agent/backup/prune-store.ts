import type { StoreConfig } from '../config/backup-schema.ts';
import { ensureStateDir } from '../journal/database.ts';
import { AgentError } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { Configured } from './configured.ts';
import { openExisting } from './existing.ts';
import { lockRepository } from './lock.ts';
import { policyOf } from './place.ts';
import { type PruneResult, prune } from './prune.ts';
import type { Store } from './store.ts';

/**
 * The retention of one store of the configuration.
 * @throws AgentError `permission` when nothing may be removed from it, `locked` while a backup runs
 */
export async function pruneStore(
  { stateDir }: Configured,
  config: StoreConfig,
  store: Store,
  { collect = true, dryRun = false, log }: { collect?: boolean; dryRun?: boolean; log?: Logger },
): Promise<PruneResult> {
  const { repository, memory } = await openExisting(store, stateDir);
  const options = { verified: new Set(memory.verified), dryRun, collect };
  if (dryRun) return prune(repository, policyOf(config), options);
  if (!(await store.canRemove())) {
    throw new AgentError('permission', `nothing may be removed from ${store.label}`, {
      hint: 'prune it with a credential that has the right to delete, from a configuration of its own',
    });
  }
  // A machine that only prunes has none yet, and the lock lies there.
  ensureStateDir(stateDir);
  const unlock = await lockRepository(stateDir, store, Date.now(), log);
  try {
    return await prune(repository, policyOf(config), options);
  } finally {
    await unlock();
  }
}
