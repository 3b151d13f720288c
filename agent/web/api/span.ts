import type { Period } from '../../history/periods.ts';
import type { Zone } from '../../system/zone.ts';
import { badParameter } from '../http/problem.ts';
import type { Query } from '../http/query.ts';

/** Before and behind, zones are in no order, and no meter was read. */
const FIRST_MS = Date.UTC(2000, 0, 1);
const END_MS = Date.UTC(2100, 0, 1);
/** Behind this nothing comes any more, in all likelihood: what is late was held for minutes. */
const SETTLED_MS = 3_600_000;

/** Parameters `from` and `to`; without `to` until now. @throws Problem 400 */
export function spanIn(query: Query, zone: Zone, nowMs: number): Period {
  const fromMs = timeIn(query, 'from', zone);
  const toMs = timeIn(query, 'to', zone) ?? nowMs;
  if (fromMs === undefined) throw badParameter('from', 'say with from where to begin, such as from=2026-10-25');
  if (fromMs >= toMs) throw badParameter('from', 'from is to be before to, and without to before now');
  return { fromMs, toMs };
}

function timeIn(query: Query, name: string, zone: Zone): number | undefined {
  const timeMs = query.time(name, zone);
  if (timeMs !== undefined && (timeMs < FIRST_MS || timeMs > END_MS)) {
    throw badParameter(name, `use a time of the years 2000 to 2099 for ${name}`);
  }
  return timeMs;
}

/** Will what was read until then stay as it is? */
export const isPast = (toMs: number, nowMs: number): boolean => toMs < nowMs - SETTLED_MS;

export const iso = (timeMs: number): string => new Date(timeMs).toISOString();
