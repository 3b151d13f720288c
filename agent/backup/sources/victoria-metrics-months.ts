import { DAY_MS, type TimeSpan } from '../../influxdb/victoria-metrics/tallies.ts';
import type { RememberedFile } from '../memory.ts';

/** No meter with a bus is older. */
const FIRST_YEAR = 2000;

/** A calendar month in UTC, such as 2026-11. */
export interface Month {
  name: string;
  span: TimeSpan;
}

/** All months there may be readings of, in order. @param lastMs UTC, in the last of them */
export function monthsUntil(lastMs: number): Month[] {
  const months: Month[] = [];
  for (let i = 0; ; i++) {
    const fromMs = Date.UTC(FIRST_YEAR, i);
    if (fromMs > lastMs) return months;
    months.push({ name: nameOf(fromMs).slice(0, 7), span: { fromMs, toMs: Date.UTC(FIRST_YEAR, i + 1) } });
  }
}

/** A day as 2026-11-21. */
export const nameOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** What a run leaves for the next one to know which old months it need not look into. */
export interface CountedMonths {
  /** Where and what was counted: of another server, or other measurements, it tells nothing. */
  of: string;
  /** Days before this one, in UTC ms, were old in that run. */
  oldBeforeMs: number;
  /** The old month that was counted although it was known. */
  turn: string;
  /** Old days with readings, by month. */
  days: Record<string, number>;
}

/** @param stamp of the source's file of state, if the last snapshot has one */
export function countedMonths(stamp: string | undefined, of: string): CountedMonths {
  try {
    const counted = JSON.parse(stamp ?? '') as CountedMonths;
    if (counted.of === of) return counted;
  } catch {
    // None yet, or of another form: then all are counted.
  }
  return { of, oldBeforeMs: 0, turn: '', days: {} };
}

/** The next old month to be counted again; after the last it begins anew. */
export function nextTurn(months: readonly Month[], { turn }: CountedMonths, oldBeforeMs: number): string {
  const old = months.filter(({ span }) => span.fromMs < oldBeforeMs);
  return (old.find(({ name }) => name > turn) ?? old[0])?.name ?? '';
}

/**
 * The old days of a month as the last snapshot has them; undefined when it has to be counted: its turn, days that have
 * become old since, or files that are not whole in the repository any more.
 */
export function knownDays(
  { name, span }: Month,
  before: ReadonlyMap<string, RememberedFile>,
  directory: string,
  counted: CountedMonths,
  { turn, oldBeforeMs }: { turn: string; oldBeforeMs: number },
): (TimeSpan & { path: string; file: RememberedFile })[] | undefined {
  if (name === turn || counted.oldBeforeMs < Math.min(oldBeforeMs, span.toMs)) return undefined;
  const known: (TimeSpan & { path: string; file: RememberedFile })[] = [];
  for (let { fromMs } = span; fromMs < Math.min(oldBeforeMs, span.toMs); fromMs += DAY_MS) {
    const path = `${directory}/${nameOf(fromMs)}`;
    const file = before.get(path);
    if (file) known.push({ fromMs, toMs: fromMs + DAY_MS, path, file });
  }
  return known.length > 0 && known.length === counted.days[name] ? known : undefined;
}
