import type { Zone } from '../../system/zone.ts';

export type Labelled = 'hour' | 'day' | 'month' | 'year';

const LENGTHS: Readonly<Record<Exclude<Labelled, 'hour'>, number>> = { day: 10, month: 7, year: 4 };

/**
 * What clocks and calendars of the zone show where a period begins: `2026`, `2026-10`, `2026-10-25`, `2026-10-25T02:00+02:00`. An
 * hour that comes twice is told by its offset.
 */
export function labelOf(by: Labelled, startMs: number, zone: Zone): string {
  const local = new Date(zone.localMs(startMs)).toISOString();
  if (by !== 'hour') return local.slice(0, LENGTHS[by]);
  return `${local.slice(0, 16)}${zone.offsetText(startMs)}`;
}
