import { datable } from './dates.ts';

/** A snapshot as retention sees it. */
export interface Kept {
  sequence: number;
  /** UTC ms by the store's clock. */
  storedMs: number;
  verified: boolean;
}

/** How much stays. At least one has to be above zero. */
export interface RetentionPolicy {
  keepLast?: number | undefined;
  keepHourly?: number | undefined;
  keepDaily?: number | undefined;
  keepWeekly?: number | undefined;
  keepMonthly?: number | undefined;
  /** Everything that is younger than this before the newest, ms: what an intruder who can only add cannot push out. */
  keepWithinMs?: number | undefined;
}

export interface Verdict<T extends Kept> {
  snapshot: T;
  keep: boolean;
  /** Why, for a person. */
  reasons: string[];
}

const DAY_MS = 86_400_000;

/** Periods by UTC, from the store's clock; the newest of each period stays. */
const PERIODS: readonly [keyof RetentionPolicy, string, (ms: number) => string][] = [
  ['keepHourly', 'hourly', (ms) => new Date(ms).toISOString().slice(0, 13)],
  ['keepDaily', 'daily', (ms) => new Date(ms).toISOString().slice(0, 10)],
  // The Unix epoch was a Thursday.
  ['keepWeekly', 'weekly', (ms) => String(Math.floor((ms / DAY_MS + 3) / 7))],
  ['keepMonthly', 'monthly', (ms) => new Date(ms).toISOString().slice(0, 7)],
];

export function isEmptyPolicy(policy: RetentionPolicy): boolean {
  return Object.values(policy).every((value) => value === undefined || value <= 0);
}

/**
 * Which snapshots stay. Order is the sequence, time is the store's: a Pi whose clock is wrong deletes nothing by that. The
 * newest stays, the newest that was verified, and what has a date that cannot be right, where dates count.
 * @throws RangeError for an empty policy: it would delete everything
 */
export function judge<T extends Kept>(snapshots: readonly T[], policy: RetentionPolicy): Verdict<T>[] {
  if (isEmptyPolicy(policy)) throw new RangeError('a retention policy that keeps nothing');
  const newestFirst = [...snapshots].sort((a, b) => b.sequence - a.sequence);
  const reasons = new Map<T, string[]>(newestFirst.map((snapshot) => [snapshot, []]));
  const keep = (snapshot: T | undefined, reason: string) => {
    if (snapshot) reasons.get(snapshot)?.push(reason);
  };
  keep(newestFirst[0], 'the newest');
  keep(
    newestFirst.find(({ verified }) => verified),
    'the newest that was verified',
  );
  for (const snapshot of newestFirst.slice(0, policy.keepLast ?? 0))
    keep(snapshot, `among the last ${policy.keepLast}`);
  const dated = datable(newestFirst.toReversed());
  const datedNewestFirst = newestFirst.filter((snapshot) => dated.has(snapshot));
  if (goesByTime(policy)) {
    for (const snapshot of newestFirst) if (!dated.has(snapshot)) keep(snapshot, 'its date cannot be right');
  }
  const newestMs = Math.max(...datedNewestFirst.map(({ storedMs }) => storedMs));
  for (const snapshot of datedNewestFirst) {
    if (newestMs - snapshot.storedMs < (policy.keepWithinMs ?? 0)) keep(snapshot, 'young enough');
  }
  for (const [key, word, periodOf] of PERIODS) {
    const periods = new Map<string, T>();
    for (const snapshot of datedNewestFirst) {
      const period = periodOf(snapshot.storedMs);
      const best = periods.get(period);
      // The newest of a period, but rather one that was whole.
      if (!best || (snapshot.verified && !best.verified)) periods.set(period, snapshot);
    }
    const count = policy[key] ?? 0;
    [...periods.values()].slice(0, count).forEach((snapshot, i) => {
      keep(snapshot, `${word}, ${i + 1} of ${count}`);
    });
  }
  return newestFirst.reverse().map((snapshot) => {
    const why = reasons.get(snapshot) ?? [];
    return { snapshot, keep: why.length > 0, reasons: why.length > 0 ? why : ['no rule keeps it'] };
  });
}

/** Does this policy go by time? Then times have to be right. */
export function goesByTime({ keepHourly, keepDaily, keepWeekly, keepMonthly, keepWithinMs }: RetentionPolicy): boolean {
  return [keepHourly, keepDaily, keepWeekly, keepMonthly, keepWithinMs].some((value) => (value ?? 0) > 0);
}
