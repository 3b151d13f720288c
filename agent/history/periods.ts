import { AgentError } from '../system/errors.ts';
import type { Zone } from '../system/zone.ts';
import { DAY_MS, floorTo, HOUR_MS, LEVEL_MS, MINUTE_MS, QUARTER_MS } from './levels.ts';

/** Lengths of the periods that can be asked for; hours, days and months are those of the zone. */
export const RESOLUTIONS = ['minute', 'quarter', 'hour', 'day', 'month'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export interface Period {
  fromMs: number;
  /** UTC ms, excluded. */
  toMs: number;
}

/** About; for choosing one. */
const RESOLUTION_MS: Readonly<Record<Resolution, number>> = {
  minute: MINUTE_MS,
  quarter: QUARTER_MS,
  hour: HOUR_MS,
  day: DAY_MS,
  month: 30 * DAY_MS,
};

const MOST_PERIODS = 200_000;

const NAMES: Readonly<Record<Resolution, string>> = {
  minute: 'a minute',
  quarter: 'a quarter of an hour',
  hour: 'an hour',
  day: 'a day',
  month: 'a month',
};

/** The beginning of the period that a moment is in. */
export function startOf(resolution: Resolution, timeMs: number, zone: Zone): number {
  if (resolution === 'minute' || resolution === 'quarter') return floorTo(LEVEL_MS[resolution], timeMs);
  if (resolution === 'hour') return zone.startOfHour(timeMs);
  return resolution === 'day' ? zone.startOfDay(timeMs) : zone.startOfMonth(timeMs);
}

/** The beginning of the period after. */
function nextOf(resolution: Resolution, startMs: number, zone: Zone): number {
  if (resolution === 'minute' || resolution === 'quarter') return startMs + LEVEL_MS[resolution];
  if (resolution === 'hour') return zone.nextHour(startMs);
  return resolution === 'day' ? zone.nextDay(startMs) : zone.nextMonth(startMs);
}

/**
 * The periods that a span touches, each as a whole: days of 23, 24 or 25 hours, where clocks are changed by half an hour also
 * of 24.5.
 * @param most of them
 * @throws AgentError `usage` for more than anybody can look at
 */
export function periodsOf(
  resolution: Resolution,
  fromMs: number,
  toMs: number,
  zone: Zone,
  most = MOST_PERIODS,
): Period[] {
  if ((toMs - fromMs) / RESOLUTION_MS[resolution] > most) {
    throw new AgentError('usage', `that are more than ${most} periods of ${NAMES[resolution]}`, {
      hint: 'ask for a shorter time, for longer periods, or for one meter alone',
    });
  }
  const periods: Period[] = [];
  for (let startMs = startOf(resolution, fromMs, zone); startMs < toMs; ) {
    const endMs = nextOf(resolution, startMs, zone);
    periods.push({ fromMs: startMs, toMs: endMs });
    startMs = endMs;
  }
  return periods;
}

/** The finest periods of which a span has no more than so many. */
export function resolutionFor(fromMs: number, toMs: number, mostPeriods: number): Resolution {
  return RESOLUTIONS.find((name) => (toMs - fromMs) / RESOLUTION_MS[name] <= mostPeriods) ?? 'month';
}
