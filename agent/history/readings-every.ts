import { quantityKind } from '../readings/quantity.ts';
import { type Reading, type Series, seriesKey, type Values } from '../readings/reading.ts';
import type { FilledSeries } from './filled.ts';
import { DAY_MS, floorTo, GRID_LEVELS, type GridLevel, LEVEL_MS } from './levels.ts';
import type { Period } from './periods.ts';
import { type Piece, piecesOf } from './pieces.ts';
import { keptFromMs } from './retention.ts';
import { absorb, cloneRollup, inUnit, meanOf, type Rollup } from './rollup.ts';
import type { HistoryView, Selection, SeriesRollup } from './view.ts';

/** So much at a time, by the level that is read: a range of years costs the memory of some thousand roll-ups. */
const WINDOW_MS: Readonly<Record<GridLevel, number>> = { minute: DAY_MS, quarter: 7 * DAY_MS, hour: 30 * DAY_MS };

/**
 * Readings in groups of `everyMs` on the UTC grid, per series, ordered by time, then meter, from the coarsest roll-ups that
 * fit and, for parts of a minute at the ends of the range, from the readings themselves.
 */
export function* readingsEvery(
  view: HistoryView,
  { fromMs, toMs, meter }: Period & { meter?: string | undefined },
  everyMs: number,
): Generator<Reading> {
  const coarsest = coarsestFor(everyMs);
  const stepMs = Math.max(everyMs, floorTo(everyMs, WINDOW_MS[coarsest]));
  for (let startMs = fromMs; startMs < toMs; ) {
    // Years without readings are stepped over.
    const knownMs = view.nextKnownMs(startMs);
    if (knownMs === undefined || knownMs >= toMs) return;
    startMs = Math.max(startMs, floorTo(everyMs, knownMs));
    const endMs = Math.min(floorTo(everyMs, startMs) + stepMs, toMs);
    yield* view.consistently(() => windowOf(view, { fromMs: startMs, toMs: endMs }, everyMs, coarsest, { meter }));
    startMs = endMs;
  }
}

/** The same of periods that were filled. */
export function readingsOfPeriods(filled: readonly FilledSeries[]): Reading[] {
  return filled
    .flatMap(({ series, periods }) =>
      periods.flatMap(({ fromMs, rollup }) => (rollup ? [{ series, timeMs: fromMs, values: valuesOf(rollup) }] : [])),
    )
    .sort((a, b) => a.timeMs - b.timeMs || (a.series.meter < b.series.meter ? -1 : 1));
}

function coarsestFor(everyMs: number): GridLevel {
  return GRID_LEVELS.findLast((level) => everyMs % LEVEL_MS[level] === 0) ?? 'minute';
}

function windowOf(
  view: HistoryView,
  { fromMs, toMs }: Period,
  everyMs: number,
  coarsest: GridLevel,
  selection: Selection,
): Reading[] {
  const levels = new Set(GRID_LEVELS);
  const newest = view.newest(fromMs, toMs, levels, selection);
  const groups = new Map<string, SeriesRollup>();
  const add = (series: Series, timeMs: number, rollup: Rollup) => {
    const startMs = floorTo(everyMs, timeMs);
    const key = `${startMs} ${seriesKey(series)}`;
    const group = groups.get(key);
    if (group) absorb(group.rollup, rollup);
    else groups.set(key, { series, startMs, rollup: cloneRollup(rollup) });
  };
  for (const piece of available(view, piecesOf(fromMs, toMs, coarsest))) {
    if (piece.level === 'raw')
      for (const row of view.rawMinutes(piece.fromMs, piece.toMs, selection)) add(row.series, row.startMs, row.rollup);
    else
      for (const row of view.rows(piece.level, piece.fromMs, piece.toMs, selection, newest))
        add(row.series, row.startMs, row.rollup);
  }
  return [...groups.values()]
    .sort((a, b) => a.startMs - b.startMs || (a.series.meter < b.series.meter ? -1 : 1))
    .map(({ series, startMs, rollup }) => ({ series, timeMs: startMs, values: valuesOf(rollup) }));
}

/** Where retention has let the finer ones go, coarser ones stand for them, where they begin. */
function available(view: HistoryView, pieces: readonly Piece[]): Piece[] {
  const { store } = view;
  if (!store) return [...pieces];
  return pieces.flatMap((piece) => {
    if (piece.level === 'raw' || piece.level === 'hour') return [piece];
    const keptMs = keptFromMs(store, piece.level);
    const coarser = piece.level === 'minute' ? 'quarter' : 'hour';
    const boundMs = Math.min(Math.max(keptMs, piece.fromMs), piece.toMs);
    const older = boundMs > piece.fromMs ? available(view, [{ ...piece, level: coarser, toMs: boundMs }]) : [];
    return boundMs < piece.toMs ? [...older, { ...piece, fromMs: boundMs }] : older;
  });
}

function valuesOf({ fields }: Rollup): Values {
  const values: Values = {};
  for (const [name, field] of fields) {
    if (field.kind === 'counter') values[name] = inUnit(field.last, field);
    else values[name] = quantityKind(name) === 'flag' ? inUnit(field.max, field) : meanOf(field);
  }
  return values;
}
