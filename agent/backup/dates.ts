import type { Kept } from './retention.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Fewer can be made by hand within minutes. */
const MANY = 5;
/** A step of the clock, and how many backups later nobody looks at it any more. */
const JUMP_MS = 30 * 24 * HOUR_MS;
const LOOKED_AT = 24;

/**
 * Snapshots whose dates can be gone by: the longest row of them whose dates rise with their sequence, without those that
 * follow each other within a minute: these were copied without their dates.
 * @param all in the order of their sequence
 */
export function datable<T extends Kept>(all: readonly T[]): Set<T> {
  const copied = copiedOnes(all);
  const snapshots = all.filter((snapshot) => !copied.has(snapshot));
  // Patience sorting: ends[n] is the earliest end of a row of n + 1.
  const ends: number[] = [];
  const previous: number[] = [];
  snapshots.forEach(({ storedMs }, i) => {
    let at = ends.findIndex((end) => (snapshots[end]?.storedMs ?? 0) >= storedMs);
    if (at < 0) at = ends.length;
    previous[i] = ends[at - 1] ?? -1;
    ends[at] = i;
  });
  const row = new Set<T>();
  for (let i = ends.at(-1) ?? -1; i >= 0; i = previous[i] ?? -1) row.add(snapshots[i] as T);
  return row;
}

/** More than a few, each within a minute of the one before. */
function copiedOnes<T extends Kept>(snapshots: readonly T[]): Set<T> {
  const copied = new Set<T>();
  let run: T[] = [];
  const end = () => {
    if (run.length > MANY) for (const snapshot of run) copied.add(snapshot);
    run = [];
  };
  for (const snapshot of snapshots) {
    const last = run.at(-1);
    if (last && Math.abs(snapshot.storedMs - last.storedMs) >= MINUTE_MS) end();
    run.push(snapshot);
  }
  end();
  return copied;
}

/**
 * Why dates cannot be gone by at all: a Pi without a clock, a store that was copied without them. Undefined: they can.
 * @param snapshots in the order of their sequence
 */
export function doubtAbout(snapshots: readonly Kept[], nowMs: number): string | undefined {
  const newest = snapshots.at(-1);
  if (newest && newest.storedMs > nowMs + HOUR_MS)
    return 'the newest backup is dated in the future: a clock is or was wrong';
  const row = datable(snapshots);
  if (row.size * 2 < snapshots.length)
    return 'most backups have no dates that can be right: were they copied without them?';
  const inOrder = [...row].sort((one, other) => one.storedMs - other.storedMs).slice(-LOOKED_AT);
  const jumped = inOrder.some(({ storedMs }, i) => i > 0 && storedMs - (inOrder[i - 1]?.storedMs ?? 0) > JUMP_MS);
  if (jumped) return 'the newest backups are dated more than 30 days after those before: was the clock wrong?';
  return undefined;
}
