import type { ImportCounts } from '../journal/importer.ts';

/** What became of the records of a source so far. */
export interface Tally extends ImportCounts {
  records: number;
  invalid: number;
  /** Without any number. */
  empty: number;
  /** Older than the journal keeps. */
  old: number;
  /** Of other measurements. */
  measurement: number;
}

export const NOTHING: Tally = {
  records: 0,
  stored: 0,
  completed: 0,
  replaced: 0,
  there: 0,
  invalid: 0,
  empty: 0,
  old: 0,
  measurement: 0,
};

/** A tally that was saved as JSON. */
export function tallyOf(saved: unknown): Tally {
  const found = typeof saved === 'object' && saved !== null ? (saved as Record<string, unknown>) : {};
  const counts = Object.keys(NOTHING).map((name) => [name, Number(found[name] ?? 0)] as const);
  return { ...NOTHING, ...Object.fromEntries(counts) };
}

/** `readings` that were new, those there already, and what was left out and why. */
export function tallyText(tally: Tally, dryRun: boolean): string {
  const parts = [
    `${tally.stored} ${dryRun ? 'readings would be new' : tally.stored === 1 ? 'new reading' : 'new readings'}`,
    `${tally.there} there already`,
  ];
  if (tally.completed > 0) parts.push(`${tally.completed} completed with further quantities`);
  if (tally.replaced > 0) parts.push(`${tally.replaced} replaced by a later record of the same time`);
  const leftOut = [
    [tally.invalid, 'invalid'],
    [tally.empty, 'without a number'],
    [tally.old, 'older than the journal keeps (journal.retention)'],
    [tally.measurement, 'of other measurements (--measurement)'],
  ] as const;
  const some = leftOut.filter(([count]) => count > 0).map(([count, why]) => `${count} ${why}`);
  return `${parts.join(', ')}${some.length === 0 ? '' : `; left out: ${some.join(', ')}`}`;
}
