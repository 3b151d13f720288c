import { hostname } from 'node:os';
import type { StoreConfig } from '../config/backup-schema.ts';
import { storeName } from '../config/store-name.ts';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { heirIn } from '../system/owner.ts';
import { type Configured, sourcesOf } from './configured.ts';
import { openExisting } from './existing.ts';
import { keepOutcomes, noteTry, type Outcome, readOutcomes } from './outcome.ts';
import { openStore, recipientsOf, storesOf } from './place.ts';
import { pruneStore } from './prune-store.ts';
import { BACKUP, recordValues } from './record.ts';
import { type BackupProgress, type BackupResult, runBackup } from './run.ts';
import { type Store, storeWith } from './store.ts';

/** Objects that no snapshot needs any more are looked for with each so many backups: it takes reading all manifests. */
const COLLECT_EACH = 24;
/** Of an hour: the next backup of the other stores is not to wait for this one. */
const CLOUD_BUDGET_MS = 45 * 60_000;

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

/**
 * One backup into each store, then its retention. A store that fails holds up no other.
 * @throws AgentError `usage` when --new or --adopt leave open which store they are for
 */
export async function runAll(configured: Configured, options: RunOptions): Promise<StoreRun[]> {
  const { backup, stateDir } = configured;
  const stores = storesOf(backup, options.store);
  if (stores.length > 1 && (options.anew || options.adopt)) {
    throw new AgentError('usage', 'it is not clear for which store that is', {
      hint: `name one of them: ${stores.map((store) => `--store ${storeName(store)}`).join(', ')}`,
    });
  }
  // What cannot be backed up at all is said before anything is opened.
  sourcesOf(configured, Date.now(), options.log);
  const runs: StoreRun[] = [];
  for (const config of stores) runs.push(await runOne(configured, config, options));
  keepOutcomes(stateDir, backup.stores.map(storeName), options.log);
  return runs;
}

async function runOne(configured: Configured, config: StoreConfig, options: RunOptions): Promise<StoreRun> {
  const { stateDir } = configured;
  const { log } = options;
  const store = storeName(config);
  const startedMs = Date.now();
  const before = readOutcomes(stateDir, log)[store];
  const run: Omit<StoreRun, 'outcome'> = { store, result: undefined, problem: undefined, pruned: 0, left: undefined };
  let sinceCollected = (before?.sinceCollected ?? 0) + 1;
  let opened: Store | undefined;
  try {
    opened = await openStore(config, 'write', heirIn(stateDir));
    const result = await backUpWithRoom(configured, config, opened, options);
    run.result = result;
    run.problem = problemOf(result, opened);
    const mayGo = await opened.canRemove();
    if (mayGo) run.left = whyOldOnesStay(result);
    if (mayGo && run.left === undefined) {
      const collect = sinceCollected >= COLLECT_EACH;
      const { removedSnapshots, left } = await pruneStore(configured, config, opened, { collect, log });
      run.pruned = removedSnapshots;
      run.left = left;
      if (collect && left === undefined) sinceCollected = 0;
    }
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // A whole backup is none the worse when old ones cannot go.
    if (run.result) run.left = error.message;
    else run.problem = error;
  }
  const { result, problem, left } = run;
  const outcome = noteTry(
    stateDir,
    store,
    {
      label: opened?.label ?? ('azure' in config ? config.azure : config.directory),
      triedMs: startedMs,
      problem: problem?.message,
      left,
      sequence: result?.sequence,
      bytes: result?.bytes,
      expiresMs: opened?.expiresMs,
      sinceCollected,
    },
    log,
  );
  const endedMs = Date.now();
  const values = {
    [BACKUP.ok]: problem === undefined ? 1 : 0,
    owed: outcome.owed,
    retention_held: left === undefined ? 0 : 1,
    [BACKUP.duration]: (endedMs - startedMs) / 1000,
    [BACKUP.sent]: result?.sentBytes,
    [BACKUP.total]: result?.bytes,
    sequence: result?.sequence,
    credential_seconds_left: outcome.expiresMs === undefined ? undefined : (outcome.expiresMs - endedMs) / 1000,
  };
  recordValues(stateDir, store, endedMs, values, log);
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

/** What is not whole, or has lost most of what there was, must not push out what has it. */
function whyOldOnesStay({ problems, missing, hold }: BackupResult): string | undefined {
  if (problems.length > 0 || missing.length > 0) return 'the backup is not whole';
  return hold === undefined ? undefined : `${hold}; when that is right: energy-monitor backup prune`;
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
  const { watched, isFull } = watchingRoom(store);
  const attempt = () =>
    runBackup({
      stateDir,
      store: watched,
      sources: sourcesOf(configured, Date.now(), log),
      recipients: recipientsOf(backup),
      host: hostname(),
      agentVersion,
      log,
      anew,
      adopt,
      ...('azure' in config && backup.stores.length > 1 && { budgetMs: CLOUD_BUDGET_MS }),
      ...(pausesMs && { pausesMs }),
      ...(onProgress && { onProgress: (progress) => onProgress(storeName(config), progress) }),
    });
  try {
    return await attempt();
  } catch (error) {
    if (!isFull() || !(await store.canRemove())) throw error;
    log.warn({ reason: messageOf(error) }, 'no room for the backup; old ones go first');
    if (!(await madeRoom(configured, config, store, log))) throw error;
    return attempt();
  }
}

/** Tells a full store from a full card of our own. */
function watchingRoom(store: Store): { watched: Store; isFull: () => boolean } {
  let full = false;
  const put = async (name: string, data: Uint8Array) => {
    try {
      return await store.put(name, data);
    } catch (error) {
      full = error instanceof AgentError && /^(ENOSPC|EDQUOT)$/.test(errnoOf(error.cause) ?? '');
      throw error;
    }
  };
  return { watched: storeWith(store, { put }), isFull: () => full };
}

async function madeRoom(configured: Configured, config: StoreConfig, store: Store, log: Logger): Promise<boolean> {
  const { memory } = await openExisting(store, configured.stateDir);
  // Nothing goes for the sake of a backup that may have less.
  if (memory.hold !== undefined || !memory.verified.includes(memory.sequence)) return false;
  const { removedSnapshots, removedObjects } = await pruneStore(configured, config, store, { collect: true, log });
  return removedSnapshots + removedObjects > 0;
}
