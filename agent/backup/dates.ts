import type { Kept } from './retention.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Fewer can be made by hand within minutes. */
const MANY = 5;

/**
 * Snapshots whose dates rise with their sequence: the longest such row of them. Of the others a clock was wrong.
 * @param snapshots in the order of their sequence
 */
export function datable<T extends Kept>(snapshots: readonly T[]): Set<T> {
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

/**
 * Why dates cannot be gone by at all: a Pi without a clock, a store that was copied without them. Undefined: they can.
 * @param snapshots in the order of their sequence
 */
export function doubtAbout(snapshots: readonly Kept[], nowMs: number): string | undefined {
  const newest = snapshots.at(-1);
  if (newest && newest.storedMs > nowMs + HOUR_MS)
    return 'the newest backup is dated in the future: a clock is or was wrong';
  const row = datable(snapshots);
  if (row.size * 2 < snapshots.length) return 'the dates of most backups are not in their order; copied without dates?';
  const times = [...row].map(({ storedMs }) => storedMs);
  const spanMs = Math.max(...times) - Math.min(...times);
  if (snapshots.length > MANY && spanMs < snapshots.length * MINUTE_MS)
    return 'all backups are dated within minutes: they were copied without their dates';
  return undefined;
}
