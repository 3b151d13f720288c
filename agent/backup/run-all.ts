import { hostname } from 'node:os';
import { type StoreConfig, storeName } from '../config/backup-schema.ts';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { type Configured, sourcesOf } from './configured.ts';
import { openExisting } from './existing.ts';
import { lockRepository } from './lock.ts';
import { noteTry, type Outcome, recordValues } from './outcome.ts';
import { openStore, policyOf, recipientsOf, storesOf } from './place.ts';
import { type PruneResult, prune } from './prune.ts';
import { type BackupProgress, type BackupResult, runBackup } from './run.ts';
import type { Store } from './store.ts';

/** Objects that no snapshot needs any more are looked for with each so many backups: it takes reading all manifests. */
const COLLECT_EACH = 24;

export interface RunOptions {
  agentVersion: string;
  /** Only this store. */
  store?: string | undefined;
  anew?: boolean | undefined;
  adopt?: boolean | undefined;
  log: Logger;
  onProgress?: ((store: string, progress: BackupProgress) => void) | undefined;
  pausesMs?: readonly number[] | undefined;
}

/** How the backup into one store went. */
export interface StoreRun {
  store: string;
  /** Undefined when none came about. */
  result: BackupResult | undefined;
  /** Why there is no whole backup. */
  problem: AgentError | undefined;
  pruned: number;
  /** Why no old backup goes, where one might. */
  left: string | undefined;
  outcome: Outcome;
}

/** One backup into each store, then its retention. A store that fails holds up no other. */
export async function runAll(configured: Configured, options: RunOptions): Promise<StoreRun[]> {
  // What cannot be backed up at all is said before anything is opened.
  sourcesOf(configured, Date.now(), options.log);
  const runs: StoreRun[] = [];
  for (const config of storesOf(configured.backup, options.store)) runs.push(await runOne(configured, config, options));
  return runs;
}

async function runOne(configured: Configured, config: StoreConfig, options: RunOptions): Promise<StoreRun> {
  const { stateDir } = configured;
  const store = storeName(config);
  const startedMs = Date.now();
  const run: Omit<StoreRun, 'outcome'> = { store, result: undefined, problem: undefined, pruned: 0, left: undefined };
  let opened: Store | undefined;
  try {
    opened = await openStore(config, 'write');
    const result = await backUpWithRoom(configured, config, opened, options);
    run.result = result;
    run.problem = problemOf(result, opened);
    const { removedSnapshots, left } = await letGo(configured, config, opened, result);
    run.pruned = removedSnapshots;
    run.left = left;
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    run.problem ??= error;
  }
  const { result, problem } = run;
  const label = opened?.label ?? ('azure' in config ? config.azure : config.directory);
  const outcome = noteTry(stateDir, store, {
    label,
    triedMs: startedMs,
    problem: problem?.message,
    sequence: result?.sequence,
    expiresMs: opened?.expiresMs,
  });
  const endedMs = Date.now();
  const values = {
    ok: problem === undefined ? 1 : 0,
    owed: outcome.owed,
    duration_seconds: (endedMs - startedMs) / 1000,
    sent_bytes: result?.sentBytes,
    total_bytes: result?.bytes,
    sequence: result?.sequence,
    credential_seconds_left: outcome.expiresMs === undefined ? undefined : (outcome.expiresMs - endedMs) / 1000,
  };
  recordValues(stateDir, store, endedMs, values, options.log);
  return { ...run, outcome };
}

function problemOf({ problems, missing }: BackupResult, { label }: Store): AgentError | undefined {
  const [first] = missing;
  if (problems.length > 0) {
    return new AgentError('storage', `the backup in ${label} is not whole`, { hint: problems.slice(0, 3).join('; ') });
  }
  if (!first) return undefined;
  return new AgentError('unavailable', `the backup lacks ${missing.map(({ source }) => source).join(', ')}`, {
    hint: first.reason,
    retryable: true,
  });
}

/** A full disk first lets go of what retention does not keep. */
async function backUpWithRoom(
  configured: Configured,
  config: StoreConfig,
  store: Store,
  options: RunOptions,
): Promise<BackupResult> {
  const { stateDir, backup } = configured;
  const { agentVersion, anew = false, adopt = false, log, onProgress, pausesMs } = options;
  const attempt = () =>
    runBackup({
      stateDir,
      store,
      sources: sourcesOf(configured, Date.now(), log),
      recipients: recipientsOf(backup),
      host: hostname(),
      agentVersion,
      log,
      anew,
      adopt,
      ...(pausesMs && { pausesMs }),
      ...(onProgress && { onProgress: (progress) => onProgress(storeName(config), progress) }),
    });
  try {
    return await attempt();
  } catch (error) {
    const isFull = error instanceof AgentError && /^(ENOSPC|EDQUOT)$/.test(errnoOf(error.cause) ?? '');
    if (!isFull || !(await store.canRemove())) throw error;
    log.warn({ reason: messageOf(error) }, 'no room for the backup; old ones go first');
    if (!(await madeRoom(configured, config, store))) throw error;
    return attempt();
  }
}

async function madeRoom(configured: Configured, config: StoreConfig, store: Store): Promise<boolean> {
  const { memory } = await openExisting(store, configured.stateDir);
  if (memory.held) return false;
  const { removedSnapshots, removedObjects } = await pruneStore(configured, config, store, { collect: true });
  return removedSnapshots + removedObjects > 0;
}

const NOTHING: Pick<PruneResult, 'removedSnapshots' | 'left'> = { removedSnapshots: 0, left: undefined };

/** What is not whole, or has lost most of what there was, must not push out what has it. */
async function letGo(
  configured: Configured,
  config: StoreConfig,
  store: Store,
  { problems, missing, shrunk, sequence }: BackupResult,
): Promise<Pick<PruneResult, 'removedSnapshots' | 'left'>> {
  if (!(await store.canRemove())) return NOTHING;
  if (problems.length > 0 || missing.length > 0) return { ...NOTHING, left: 'the backup is not whole' };
  if (shrunk) {
    return {
      ...NOTHING,
      left: 'the journal has far fewer readings than at the last backup; when that is right: energy-monitor backup prune',
    };
  }
  return pruneStore(configured, config, store, { collect: sequence % COLLECT_EACH === 0 });
}

/** @throws AgentError `permission` when the store may not be removed from */
export async function pruneStore(
  { stateDir }: Configured,
  config: StoreConfig,
  store: Store,
  { collect = true, dryRun = false }: { collect?: boolean; dryRun?: boolean },
): Promise<PruneResult> {
  const { repository, memory } = await openExisting(store, stateDir);
  const options = { verified: new Set(memory.verified), dryRun, collect };
  if (dryRun) return prune(repository, policyOf(config), options);
  if (!(await store.canRemove())) {
    throw new AgentError('permission', `nothing may be removed from ${store.label}`, {
      hint: 'prune it with a credential that has the right to delete, from a configuration of its own',
    });
  }
  const unlock = await lockRepository(stateDir, store, Date.now());
  try {
    return await prune(repository, policyOf(config), options);
  } finally {
    await unlock();
  }
}
