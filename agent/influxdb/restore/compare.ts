import { AgentError } from '../../system/errors.ts';
import type { RestoreServer } from './restore-server.ts';
import { findOrg, findServerBucket } from './server-buckets.ts';
import { bucketTallies, monthsOf, type Tally, type TallySource, type TimeSpan } from './tallies.ts';

/** The same numbers added up in another order differ in their last digits. */
const RELATIVE = 1e-9;
/** For sums of positive and negative numbers that end near zero, for each number. */
const EACH = 1e-9;
const DAY_MS = 86_400_000;
/** A person looks at the first ones. */
const LISTED = 20;

/** A day of a field that is not the same; undefined where there is nothing. */
export interface Difference {
  measurement: string;
  field: string;
  day: string;
  left: Pick<Tally, 'count' | 'sum'> | undefined;
  right: Pick<Tally, 'count' | 'sum'> | undefined;
}

export interface Comparison {
  /** Values, which are as many as points times fields. */
  leftCount: number;
  rightCount: number;
  /** Days of a field that were compared, and that differ. */
  compared: number;
  differing: number;
  /** The first of those. */
  differences: Difference[];
  /** UTC ms: the first day of which the expected one has points, and they differ. */
  differsFromMs: number | undefined;
}

/**
 * Compares counts and sums of each measurement, field and UTC day, a month at a time.
 * @param left what is expected; a bucket or anything else
 * @param onProgress told after each month of how many
 * @throws AgentError when a server cannot be asked
 */
export async function compareTallies(
  left: TallySource,
  right: TallySource,
  spans: readonly TimeSpan[],
  { goesOnFromMs = Number.POSITIVE_INFINITY, onProgress = () => {} }: CompareOptions = {},
): Promise<Comparison> {
  const comparison: Comparison = {
    leftCount: 0,
    rightCount: 0,
    compared: 0,
    differing: 0,
    differences: [],
    differsFromMs: undefined,
  };
  const months = monthsOf(spans);
  for (const [i, month] of months.entries()) {
    const lefts = await left(month);
    const rights = await right(month);
    for (const key of [...new Set([...lefts.keys(), ...rights.keys()])].sort()) {
      const [one, other] = [lefts.get(key), rights.get(key)];
      comparison.leftCount += one?.count ?? 0;
      comparison.rightCount += other?.count ?? 0;
      comparison.compared++;
      if (isSame(one, other) || goesOn(goesOnFromMs, one, other)) continue;
      comparison.differing++;
      const { measurement = '', field = '', day = '' } = one ?? other ?? {};
      if (one)
        comparison.differsFromMs = Math.min(comparison.differsFromMs ?? Number.POSITIVE_INFINITY, Date.parse(day));
      if (comparison.differences.length < LISTED) {
        comparison.differences.push({ measurement, field, day, left: part(one), right: part(other) });
      }
    }
    onProgress(i + 1, months.length);
  }
  return comparison;
}

export interface CompareOptions {
  /** UTC ms: of days that end later, what is expected may have more by now, and other sums. */
  goesOnFromMs?: number | undefined;
  onProgress?: (done: number, all: number) => void;
}

export interface CompareBucketOptions extends CompareOptions {
  server: RestoreServer;
  org: string;
  /** What is expected: a bucket's name, or tallies from elsewhere. */
  expected: string | TallySource;
  bucket: string;
  /** Where to look; those of the restored bucket. */
  spans: readonly TimeSpan[];
}

/** Compares a bucket with another one of the same server, or with what is expected of it. @throws AgentError */
export async function compareBucket(options: CompareBucketOptions): Promise<Comparison> {
  const { server, org, expected, bucket, spans } = options;
  const left = typeof expected === 'string' ? await talliesOf(server, org, expected) : expected;
  return compareTallies(left, await talliesOf(server, org, bucket), spans, options);
}

/** What is in a bucket of a server, for comparing it. @throws AgentError `usage` when there is none of that name */
export async function talliesOf(server: RestoreServer, org: string, bucket: string): Promise<TallySource> {
  const orgId = await findOrg(server, org);
  if (orgId === undefined) throw new AgentError('usage', `${server.url} has no organisation ${org}`);
  const found = await findServerBucket(server, orgId, bucket);
  if (!found) throw new AgentError('usage', `${server.url} has no bucket ${bucket} in organisation ${org}`);
  return bucketTallies(server, orgId, found.id);
}

function isSame(left: Tally | undefined, right: Tally | undefined): boolean {
  if (left?.count !== right?.count) return false;
  const [a, b] = [left?.sum, right?.sum];
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  return a === b || Math.abs(a - b) <= RELATIVE * Math.max(Math.abs(a), Math.abs(b)) + EACH * (left?.count ?? 0);
}

const goesOn = (fromMs: number, left: Tally | undefined, right: Tally | undefined): boolean =>
  left !== undefined && Date.parse(left.day) + DAY_MS > fromMs && left.count >= (right?.count ?? 0);

const part = (tally: Tally | undefined): Pick<Tally, 'count' | 'sum'> | undefined =>
  tally && { count: tally.count, sum: tally.sum };
