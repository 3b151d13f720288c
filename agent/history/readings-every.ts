import { quantityKind } from '../readings/quantity.ts';
import { type Reading, type Series, seriesKey, type Values } from '../readings/reading.ts';
import type { FilledSeries } from './filled.ts';
import { floorTo, GRID_LEVELS, type GridLevel, HOUR_MS, LEVEL_MS } from './levels.ts';
import type { Period } from './periods.ts';
import { type Piece, piecesOf } from './pieces.ts';
import { keptFromMs } from './retention.ts';
import { absorb, cloneRollup, inUnit, meanOf, type Rollup } from './rollup.ts';
import type { HistoryView, Selection, SeriesRollup } from './view.ts';

const ROWS_AN_HOUR: Readonly<Record<GridLevel, number>> = { minute: 60, quarter: 4, hour: 1 };

/** Groups that may still grow, by start and seriesKey(). */
type Groups = Map<string, SeriesRollup>;

/**
 * Readings in groups of `everyMs` on the UTC grid, per series, ordered by time, then meter, from the coarsest roll-ups that
 * fit and, for parts of a minute at the ends of the range, from the readings themselves.
 * @param mostRows roll-ups in memory at a time, of all series together
 */
export function* readingsEvery(
  view: HistoryView,
  { fromMs, toMs, meter }: Period & { meter?: string | undefined },
  everyMs: number,
  mostRows: number,
): Generator<Reading> {
  const coarsest = coarsestFor(everyMs);
  const series = Math.max(1, view.allSeries({ meter }).length);
  const stepMs = HOUR_MS * Math.max(1, Math.floor(mostRows / (ROWS_AN_HOUR[coarsest] * series)));
  const groups: Groups = new Map();
  for (let startMs = fromMs; startMs < toMs; ) {
    // Years without readings are stepped over.
    const knownMs = view.nextKnownMs(startMs);
    if (knownMs === undefined || knownMs >= toMs) break;
    startMs = Math.max(startMs, floorTo(HOUR_MS, knownMs));
    yield* taken(groups, startMs - everyMs);
    const endMs = Math.min(floorTo(HOUR_MS, startMs) + stepMs, toMs);
    const span = { fromMs: startMs, toMs: endMs };
    view.consistently(() => collect(groups, view, span, everyMs, coarsest, { meter }));
    yield* taken(groups, endMs - everyMs);
    startMs = endMs;
  }
  yield* taken(groups, toMs);
}

/** Takes out the groups that begin by then: nothing comes to them any more. */
function taken(groups: Groups, lastMs: number): Reading[] {
  const whole = [...groups].filter(([, { startMs }]) => startMs <= lastMs);
  for (const [key] of whole) groups.delete(key);
  return whole
    .map(([, group]) => group)
    .sort((a, b) => a.startMs - b.startMs || (a.series.meter < b.series.meter ? -1 : 1))
    .map(({ series, startMs, rollup }) => ({ series, timeMs: startMs, values: valuesOf(rollup) }));
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

function collect(
  groups: Groups,
  view: HistoryView,
  { fromMs, toMs }: Period,
  everyMs: number,
  coarsest: GridLevel,
  selection: Selection,
): void {
  const isWhole = fromMs % LEVEL_MS[coarsest] === 0 && toMs % LEVEL_MS[coarsest] === 0;
  const levels = new Set(isWhole ? GRID_LEVELS.slice(GRID_LEVELS.indexOf(coarsest)) : GRID_LEVELS);
  const newest = view.newest(fromMs, toMs, levels, selection);
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
