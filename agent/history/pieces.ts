import { ceilTo, floorTo, type GridLevel, LEVEL_MS } from './levels.ts';

/** A part of a span of time that one level answers for: its periods that begin in it. */
export interface Piece {
  level: GridLevel | 'raw';
  fromMs: number;
  /** UTC ms, excluded. */
  toMs: number;
}

const FINER: Readonly<Record<GridLevel, GridLevel | 'raw'>> = { hour: 'quarter', quarter: 'minute', minute: 'raw' };

/** A span in whole periods of a level, with finer ones at its ends where it does not begin or end with one. */
export function piecesOf(fromMs: number, toMs: number, coarsest: GridLevel | 'raw'): Piece[] {
  if (fromMs >= toMs) return [];
  if (coarsest === 'raw') return [{ level: 'raw', fromMs, toMs }];
  const stepMs = LEVEL_MS[coarsest];
  const [innerFromMs, innerToMs] = [ceilTo(stepMs, fromMs), floorTo(stepMs, toMs)];
  const finer = FINER[coarsest];
  if (innerFromMs >= innerToMs) return piecesOf(fromMs, toMs, finer);
  return [
    ...piecesOf(fromMs, innerFromMs, finer),
    { level: coarsest, fromMs: innerFromMs, toMs: innerToMs },
    ...piecesOf(innerToMs, toMs, finer),
  ];
}
