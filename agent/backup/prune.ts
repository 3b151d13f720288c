import { AgentError, messageOf } from '../system/errors.ts';
import { doubtAbout } from './dates.ts';
import { DamagedManifestError, SNAPSHOTS, sequenceOf } from './manifest.ts';
import { OBJECTS, type Repository } from './repository.ts';
import { goesByTime, isEmptyPolicy, judge, type Kept, type RetentionPolicy, type Verdict } from './retention.ts';

/** An object of a run that is under way is younger than this; by the store's clock. */
const YOUNG_MS = 86_400_000;

export interface Listed extends Kept {
  name: string;
  bytes: number;
}

export interface PruneOptions {
  /** Sequences that were whole when they were written. */
  verified: ReadonlySet<number>;
  dryRun?: boolean;
  /** Without it only snapshots go, which takes reading none of them. */
  collect?: boolean;
  nowMs?: number;
}

export interface PruneResult {
  verdicts: Verdict<Listed>[];
  removedSnapshots: number;
  removedObjects: number;
  removedBytes: number;
  /** Why nothing went; undefined when all was clear. */
  left: string | undefined;
}

/** The snapshots of a repository, the oldest first. */
export async function listSnapshots(repository: Repository, verified: ReadonlySet<number>): Promise<Listed[]> {
  const found: Listed[] = [];
  for await (const { name, bytes, modifiedMs } of repository.store.list(SNAPSHOTS)) {
    const sequence = sequenceOf(name);
    if (sequence !== undefined)
      found.push({ name, bytes, sequence, storedMs: modifiedMs, verified: verified.has(sequence) });
  }
  return found.sort((a, b) => a.sequence - b.sequence);
}

/**
 * @param which a sequence, or `latest`
 * @throws AgentError `usage` when there is none such
 */
export function snapshotNamed(all: readonly Listed[], which: string, label: string): Listed {
  const found = which === 'latest' ? all.at(-1) : all.find(({ sequence }) => String(sequence) === which);
  if (found) return found;
  throw new AgentError('usage', `there is no backup ${which} in ${label}`, {
    hint: all.length === 0 ? 'it has none' : `it has ${all[0]?.sequence} to ${all.at(-1)?.sequence}`,
  });
}

/**
 * Removes the snapshots that the policy does not keep, then, with `collect`, the objects that no snapshot needs any more.
 * Manifests go first: wherever this is broken off, what is left of objects is more than is needed, never less. While anything
 * is in doubt (a manifest that stays and cannot be read, times that cannot be right) nothing goes, and `left` says why.
 * @throws AgentError `config` for a policy that keeps nothing
 */
export async function prune(
  repository: Repository,
  policy: RetentionPolicy,
  { verified, dryRun = false, collect = true, nowMs = Date.now() }: PruneOptions,
): Promise<PruneResult> {
  if (isEmptyPolicy(policy)) {
    throw new AgentError('config', 'this retention would delete every backup', {
      hint: 'keep at least one, such as keepLast: 10',
    });
  }
  const { store } = repository;
  const snapshots = await withOneWhole(repository, await listSnapshots(repository, verified));
  const result: PruneResult = {
    verdicts: [],
    removedSnapshots: 0,
    removedObjects: 0,
    removedBytes: 0,
    left: undefined,
  };
  result.verdicts = judge(snapshots, policy);
  if (goesByTime(policy)) result.left = doubtAbout(snapshots, nowMs);
  if (!snapshots.some(({ verified: isWhole }) => isWhole)) result.left ??= 'none of them is known to be whole';
  const kept = result.verdicts.filter(({ keep }) => keep).map(({ snapshot }) => snapshot);
  const needed = collect ? await objectsOf(repository, kept, result) : new Set<string>();
  if (result.left !== undefined) return result;

  for (const { snapshot, keep } of result.verdicts) {
    if (keep) continue;
    result.removedSnapshots++;
    if (!dryRun) await store.remove(snapshot.name);
  }
  if (!collect) return result;
  const newestMs = Math.max(...snapshots.map(({ storedMs }) => storedMs));
  for await (const { name, bytes, modifiedMs } of store.list(OBJECTS)) {
    // Younger than a day before the newest snapshot, or than it: perhaps of a run that is not finished.
    if (needed.has(name) || newestMs - modifiedMs < YOUNG_MS) continue;
    result.removedObjects++;
    result.removedBytes += bytes;
    if (!dryRun) await store.remove(name);
  }
  return result;
}

/** One manifest at a time: those of years would not fit into the memory of a Pi. */
async function objectsOf(repository: Repository, kept: readonly Listed[], result: PruneResult): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const snapshot of kept) {
    try {
      for (const { name } of (await repository.manifest(snapshot.name)).objects) needed.add(name);
    } catch (error) {
      result.left = `${messageOf(error)}; remove it by hand when you have looked`;
    }
  }
  return needed;
}

/** Where this machine has verified none of them, such as one that only prunes, the newest that looks whole counts as that. */
async function withOneWhole(repository: Repository, snapshots: Listed[]): Promise<Listed[]> {
  if (snapshots.length === 0 || snapshots.some(({ verified }) => verified)) return snapshots;
  const there = new Map<string, number>();
  for await (const { name, bytes } of repository.store.list(OBJECTS)) there.set(name, bytes);
  for (const snapshot of snapshots.toReversed()) {
    const manifest = await repository.manifest(snapshot.name).catch((error: unknown) => {
      if (!(error instanceof DamagedManifestError)) throw error;
    });
    const isWhole = manifest?.complete && manifest.objects.every(({ name, bytes }) => there.get(name) === bytes);
    if (isWhole) return snapshots.map((one) => (one === snapshot ? { ...one, verified: true } : one));
  }
  return snapshots;
}
