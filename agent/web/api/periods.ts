import { DAY_MS, HOUR_MS } from '../../history/levels.ts';
import { type Period, periodsOf, type Resolution, startOf } from '../../history/periods.ts';
import type { Zone } from '../../system/zone.ts';
import { badParameter } from '../http/problem.ts';

/** At least, for counting before they are made. */
const LEAST_MS = { hour: HOUR_MS / 2, day: 23 * HOUR_MS, month: 28 * DAY_MS, year: 365 * DAY_MS } as const;
export type By = keyof typeof LEAST_MS;
/** Three years of days, six weeks of hours. */
export const MOST_PERIODS = 1100;

/** Periods of the zone that a span touches, each as a whole. @throws Problem 400 for too many */
export function periodsBy(by: By, { fromMs, toMs }: Period, zone: Zone): Period[] {
  const periods = (toMs - fromMs) / LEAST_MS[by] > 2 * MOST_PERIODS ? undefined : periodsIn(by, { fromMs, toMs }, zone);
  if (periods && periods.length <= MOST_PERIODS) return periods;
  throw badParameter('by', `ask for at most ${MOST_PERIODS} periods at once: for a shorter time, or longer periods`);
}

function periodsIn(by: By, { fromMs, toMs }: Period, zone: Zone): Period[] {
  if (by !== 'year') return periodsOf(by, fromMs, toMs, zone);
  const firstYear = yearOf(fromMs, zone);
  return Array.from({ length: yearOf(toMs - 1, zone) - firstYear + 1 }, (_, n) => ({
    fromMs: yearStart(firstYear + n, zone),
    toMs: yearStart(firstYear + n + 1, zone),
  }));
}

const yearOf = (timeMs: number, zone: Zone) => new Date(zone.localMs(timeMs)).getUTCFullYear();
const yearStart = (year: number, zone: Zone) => zone.firstAt(Date.UTC(year, 0, 1));

/** The end of the period that the last moment of a span is in. */
export function endOf(resolution: Resolution, toMs: number, zone: Zone): number {
  const startMs = startOf(resolution, toMs - 1, zone);
  return periodsOf(resolution, startMs, startMs + 1, zone)[0]?.toMs ?? toMs;
}
