import { type Coverage, onePart } from './coverage.ts';

export const MINUTE_MS = 60_000;
export const QUARTER_MS = 900_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** What is stored: three levels on the grid of UTC, and the days of the zone, which are 23 to 25 hours long. */
export const GRID_LEVELS = ['minute', 'quarter', 'hour'] as const;
export type GridLevel = (typeof GRID_LEVELS)[number];
export type Level = GridLevel | 'day';

export const LEVEL_MS: Readonly<Record<GridLevel, number>> = {
  minute: MINUTE_MS,
  quarter: QUARTER_MS,
  hour: HOUR_MS,
};

/** The parts whose presence a roll-up notes: seconds of a minute, minutes of a quarter and of an hour. */
const PART_MS: Readonly<Record<GridLevel, number>> = { minute: 1000, quarter: MINUTE_MS, hour: MINUTE_MS };

export function partsOf(level: GridLevel): number {
  return LEVEL_MS[level] / PART_MS[level];
}

/** The part of its period that a moment is in. */
export function partAt(level: GridLevel, timeMs: number): Coverage {
  return onePart(Math.floor((timeMs % LEVEL_MS[level]) / PART_MS[level]));
}

export function floorTo(stepMs: number, timeMs: number): number {
  return Math.floor(timeMs / stepMs) * stepMs;
}

export function ceilTo(stepMs: number, timeMs: number): number {
  return Math.ceil(timeMs / stepMs) * stepMs;
}
