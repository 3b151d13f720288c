import type { Zone } from '../system/zone.ts';
import { HOUR_MS } from './levels.ts';
import { type Piece, piecesOf } from './pieces.ts';
import { absorb, emptyRollup, type Rollup } from './rollup.ts';

/** Days of a zone that an hour of UTC has a part in, by their starts: one, or two in zones of half and quarter hours. */
export function daysOfHour(zone: Zone, hourMs: number): number[] {
  return [...new Set([zone.startOfDay(hourMs), zone.startOfDay(hourMs + HOUR_MS - 1)])];
}

/**
 * What a day, or any other span on the grid of quarters, is added up from: hours, and quarters where it does not begin or
 * end with an hour. Where retention has let quarters go, an hour counts where it begins.
 * @param quartersFromMs the oldest quarters that are kept
 */
export function piecesOfDay(fromMs: number, toMs: number, quartersFromMs: number): Piece[] {
  return fromMs >= quartersFromMs ? piecesOf(fromMs, toMs, 'hour') : [{ level: 'hour', fromMs, toMs }];
}

/** Adds up parts in their order. @returns undefined of none */
export function sumOf(parts: Iterable<Rollup>): Rollup | undefined {
  const sum = emptyRollup();
  for (const part of parts) absorb(sum, part);
  return sum.count === 0 ? undefined : sum;
}
