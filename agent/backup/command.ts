import type { StoreConfig } from '../config/backup-schema.ts';
import { DEFAULT_STATE_DIR } from '../config/state-dir.ts';
import { storeName } from '../config/store-name.ts';
import { AgentError } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { Configured } from './configured.ts';
import { openExisting } from './existing.ts';
import { unlockRepository } from './lock.ts';
import type { Manifest, SnapshotDetails } from './manifest.ts';
import { recall, remember } from './memory.ts';
import { noteFinding } from './outcome.ts';
import { openStore, storeOf, storesOf } from './place.ts';
import { type Listed, listSnapshots, type PruneResult, snapshotNamed } from './prune.ts';
import { pruneStore } from './prune-store.ts';
import { recordValues } from './record.ts';
import type { Repository } from './repository.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import type { Store } from './store.ts';
import { type VerifyResult, verify } from './verify.ts';

export interface StoreList {
  store: string;
  label: string;
  snapshots: (Listed & { createdMs: number | null; storedBytes: number | null })[];
}

/** What is in each store, or in the one that is named. */
export function listConfigured(configured: Configured, store: string | undefined): Promise<EachStore<StoreList>> {
  return eachStore(configured, store, (config) => listStore(config, configured.stateDir));
}

/** What is in a store. @param stateDir of the machine that may know which of them were whole when it wrote them */
export async function listStore(config: StoreConfig, stateDir = DEFAULT_STATE_DIR): Promise<StoreList> {
  const opened = await openStore(config, 'look');
  const { repository, memory } = await openExisting(opened, stateDir);
  const snapshots: StoreList['snapshots'] = [];
  for (const listed of await listSnapshots(repository, new Set(memory.verified))) {
    const manifest = await repository.manifest(listed.name).catch(() => null);
    const storedBytes = manifest?.objects.reduce((sum, { bytes }) => sum + bytes, 0) ?? null;
    snapshots.push({ ...listed, createdMs: manifest?.createdMs ?? null, storedBytes });
  }
  return { store: storeName(config), label: opened.label, snapshots };
}

export interface ShownSnapshot {
  store: string;
  listed: Listed;
  manifest: Pick<Manifest, 'sequence' | 'repository' | 'origin' | 'createdMs'>;
  objects: number;
  storedBytes: number;
  /** Undefined without the recovery key. */
  details: (Omit<SnapshotDetails, 'files'> & { files: { path: string; bytes: number }[] }) | undefined;
}

/**
 * One snapshot of a store.
 * @param which its sequence, or `latest`
 * @throws AgentError `usage` when there is none such
 */
export async function showConfigured(
  { stateDir, backup }: Configured,
  which: string,
  { store, identityFile }: { store?: string | undefined; identityFile?: string | undefined },
): Promise<ShownSnapshot> {
  const config = storeOf(backup, store);
  const opened = await openStore(config, 'look');
  const { repository, memory } = await openExisting(opened, stateDir, identityFile);
  const all = await listSnapshots(repository, new Set(memory.verified));
  const listed = snapshotNamed(all, which, opened.label);
  const manifest = await repository.manifest(listed.name);
  const { sequence, repository: id, origin, createdMs, objects } = manifest;
  return {
    store: storeName(config),
    listed,
    manifest: { sequence, repository: id, origin, createdMs },
    objects: objects.length,
    storedBytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
    details: repository.envelope.opens ? await detailsOf(repository, listed.name) : undefined,
  };
}

async function detailsOf(repository: Repository, name: string): Promise<ShownSnapshot['details']> {
  const snapshot = await SnapshotReader.open(repository, name);
  return { ...snapshot.details, files: snapshot.files().map(({ path, bytes }) => ({ path, bytes })) };
}

export interface StoreVerification extends VerifyResult {
  store: string;
}

/** What was found is remembered: damaged objects are sent again by the next run; `status` and the journal tell it. */
export function verifyConfigured(
  configured: Configured,
  options: { store?: string | undefined; share: number; identityFile: string | undefined; log: Logger },
): Promise<EachStore<StoreVerification>> {
  const { stateDir } = configured;
  const { share, identityFile, log } = options;
  return eachStore(configured, options.store, async (config) => {
    const opened = await openStore(config, 'look');
    const { repository, memory } = await openExisting(opened, stateDir, identityFile);
    const files = share === 1 && repository.envelope.opens;
    const result = await verify(repository, await repository.names(), { shareOf: () => share, files });
    const store = storeName(config);
    // A machine that has backed up nothing only looks.
    if (memory.nameKey !== undefined) {
      // A backup may have been made meanwhile.
      const now = recall(stateDir, repository.config.id);
      const damaged = [...new Set([...now.damaged, ...result.damaged])];
      if (damaged.length > now.damaged.length) remember(stateDir, repository.config.id, { ...now, damaged });
      const nowMs = Date.now();
      const problems = result.problems.length;
      noteFinding(stateDir, store, opened.label, { verified: { madeMs: nowMs, problems } }, log);
      const values = {
        verify_problems: problems,
        verify_objects: result.objects,
        verify_read: result.read,
      };
      recordValues(stateDir, store, nowMs, values, log);
    }
    return { store, ...result };
  });
}

export interface StorePrune extends PruneResult {
  store: string;
}

export function pruneConfigured(
  configured: Configured,
  { store, dryRun }: { store?: string | undefined; dryRun: boolean },
): Promise<EachStore<StorePrune>> {
  return eachStore(configured, store, async (config) => {
    const opened = await openStore(config, dryRun ? 'look' : 'write');
    // Of all stores, those that keep everything are none of prune's business; one that is named is.
    if (!dryRun && store === undefined && !(await opened.canRemove())) {
      return { store: storeName(config), ...keepsAll(opened) };
    }
    const result = await pruneStore(configured, config, opened, { dryRun });
    if (!dryRun && result.left === undefined) await endHold(configured.stateDir, opened);
    return { store: storeName(config), ...result };
  });
}

function keepsAll({ label }: Store): PruneResult {
  const left = `nothing may be removed from ${label}`;
  return { verdicts: [], removedSnapshots: 0, removedObjects: 0, removedBytes: 0, left };
}

/** Who prunes by hand has looked. */
async function endHold(stateDir: string, store: Store): Promise<void> {
  const { repository, memory } = await openExisting(store, stateDir);
  const { hold, ...rest } = memory;
  if (hold !== undefined) remember(stateDir, repository.config.id, rest);
}

export async function unlockConfigured({ backup }: Configured, store: string | undefined): Promise<string> {
  const holder = await unlockRepository(await openStore(storeOf(backup, store), 'look'));
  return holder
    ? `it was held by process ${holder.pid} of ${holder.host} since ${holder.started}\n`
    : 'it was not locked\n';
}

/** What was done for each store, and why for some it was not: one that is away holds up no other. */
export interface EachStore<T> {
  results: T[];
  failures: { store: string; error: AgentError }[];
}

async function eachStore<T>(
  { backup }: Configured,
  store: string | undefined,
  work: (config: StoreConfig) => Promise<T>,
): Promise<EachStore<T>> {
  const each: EachStore<T> = { results: [], failures: [] };
  for (const config of storesOf(backup, store)) {
    try {
      each.results.push(await work(config));
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      each.failures.push({ store: storeName(config), error });
    }
  }
  return each;
}
