import { quantityKind } from '../readings/quantity.ts';
import { type Series, seriesKey } from '../readings/reading.ts';
import type { Zone } from '../system/zone.ts';
import type { FilledPeriod } from './counted.ts';
import { daysOfHour, piecesOfDay, sumOf } from './days.ts';
import { ceilTo, floorTo, type GridLevel, HOUR_MS, type Level, QUARTER_MS } from './levels.ts';
import { type Period, periodsOf, type Resolution } from './periods.ts';
import type { Piece } from './pieces.ts';
import { keptFromMs } from './retention.ts';
import { absorb, cloneRollup, type Rollup } from './rollup.ts';
import { DAYS_DUE, ZONE } from './store.ts';
import type { HistoryView, Newest, Selection, SeriesRollup } from './view.ts';

/** A series over consecutive periods. */
export interface FilledSeries {
  series: Series;
  periods: FilledPeriod[];
  /** The last roll-up before the periods, and the first behind them: counters go on between. */
  before: Rollup | undefined;
  after: Rollup | undefined;
}

/** So far around a span it is looked for where counters come from and go to; beyond, hours tell it. */
const AROUND_MS = 2 * HOUR_MS;

/** The periods that a span touches, for each series that has readings in or around them. */
export function filledPeriods(
  view: HistoryView,
  zone: Zone,
  resolution: Resolution,
  span: Period,
  selection: Selection,
): FilledSeries[] {
  const periods = availablePeriods(view, zone, resolution, span);
  const [first, last] = [periods[0], periods.at(-1)];
  if (!first || !last) return [];
  const whole = { fromMs: first.fromMs, toMs: last.toMs };
  const newest = view.newest(whole.fromMs - AROUND_MS, whole.toMs + AROUND_MS, LEVELS_NEEDED[resolution], selection);
  const rows = rowsFor(view, zone, resolution, periods, whole, selection, newest);
  const bySeries = new Map<string, FilledPeriod[]>();
  const filling = new Map<Series, Filling>();
  for (const { series, startMs, rollup } of rows) {
    let own = filling.get(series);
    if (!own) {
      const key = seriesKey(series);
      const filled = bySeries.get(key) ?? periods.map((period) => ({ ...period, rollup: undefined }));
      bySeries.set(key, filled);
      own = new Filling(filled);
      filling.set(series, own);
    }
    own.add(startMs, rollup);
  }
  return view.allSeries(selection).flatMap((series) => {
    const ends = around(view, series, whole, selection, newest);
    const filled = bySeries.get(seriesKey(series));
    if (filled) return [{ series, periods: filled, ...ends }];
    // Nothing was read all the time; the counters have gone on.
    if (!ends.before || !ends.after) return [];
    return [{ series, periods: periods.map((period) => ({ ...period, rollup: undefined })), ...ends }];
  });
}

/** Of what is not in the history yet; hours are asked for around each span. */
const LEVELS_NEEDED: Readonly<Record<Resolution, ReadonlySet<Level>>> = {
  minute: new Set(['minute', 'quarter', 'hour']),
  quarter: new Set(['quarter', 'hour']),
  hour: new Set(['quarter', 'hour']),
  day: new Set(['quarter', 'hour']),
  month: new Set(['quarter', 'hour']),
};

/** Where retention has let go of minutes, quarters stand for them, and hours for these. */
function availablePeriods(view: HistoryView, zone: Zone, resolution: Resolution, span: Period): Period[] {
  const coarser = resolution === 'minute' ? 'quarter' : resolution === 'quarter' ? 'hour' : undefined;
  if (coarser === undefined || !view.store) return periodsOf(resolution, span.fromMs, span.toMs, zone);
  const keptMs = Math.min(Math.max(keptFromMs(view.store, resolution as GridLevel), span.fromMs), span.toMs);
  const older = keptMs > span.fromMs ? availablePeriods(view, zone, coarser, { ...span, toMs: keptMs }) : [];
  const younger = keptMs < span.toMs ? periodsOf(resolution, keptMs, span.toMs, zone) : [];
  return [...older, ...younger];
}

/** Adds rows, which come in their order, to the periods in which they begin. */
class Filling {
  readonly #periods: FilledPeriod[];
  #at = 0;
  /** Whether what is in the period is our own, and not a row's. */
  #isOwn = false;

  constructor(periods: FilledPeriod[]) {
    this.#periods = periods;
  }

  add(startMs: number, rollup: Rollup): void {
    while (startMs >= (this.#periods[this.#at]?.toMs ?? Number.POSITIVE_INFINITY)) {
      this.#at++;
      this.#isOwn = false;
    }
    const period = this.#periods[this.#at];
    if (!period || startMs < period.fromMs) return;
    if (!period.rollup) {
      period.rollup = rollup;
      return;
    }
    if (!this.#isOwn) period.rollup = cloneRollup(period.rollup);
    this.#isOwn = true;
    absorb(period.rollup, rollup);
  }
}

/** Are there days of this zone? Else they are added up from hours. */
export function daysAreKnown(view: HistoryView, zone: Zone): boolean {
  return view.store?.load(ZONE) === zone.name && view.store.load(DAYS_DUE) === undefined;
}

function rowsFor(
  view: HistoryView,
  zone: Zone,
  resolution: Resolution,
  periods: readonly Period[],
  span: Period,
  selection: Selection,
  newest: Newest,
): SeriesRollup[] {
  if ((resolution === 'day' || resolution === 'month') && daysAreKnown(view, zone))
    return dayRows(view, zone, span, selection, newest);
  return readPieces(view, piecesFor(view, periods), selection, newest);
}

/** Spans of the coarsest level whose periods fit. */
function piecesFor(view: HistoryView, periods: readonly Period[]): Piece[] {
  const quartersFromMs = view.store ? keptFromMs(view.store, 'quarter') : 0;
  const pieces: Piece[] = [];
  for (const { fromMs, toMs } of periods) {
    for (const piece of toMs - fromMs < QUARTER_MS
      ? [minutes(fromMs, toMs)]
      : piecesOfDay(fromMs, toMs, quartersFromMs)) {
      const last = pieces.at(-1);
      if (last && last.level === piece.level && last.toMs === piece.fromMs) last.toMs = piece.toMs;
      else pieces.push({ ...piece });
    }
  }
  return pieces;
}

const minutes = (fromMs: number, toMs: number): Piece => ({ level: 'minute', fromMs, toMs });

function readPieces(view: HistoryView, pieces: readonly Piece[], selection: Selection, newest: Newest): SeriesRollup[] {
  return pieces.flatMap(({ level, fromMs, toMs }) => view.rows(level as GridLevel, fromMs, toMs, selection, newest));
}

/** Days as they are stored, but for those of which something is not in the history yet. */
function dayRows(view: HistoryView, zone: Zone, span: Period, selection: Selection, newest: Newest): SeriesRollup[] {
  const changed = new Set([...newest.hours].flatMap((hourMs) => daysOfHour(zone, hourMs)));
  const stored = view.rows('day', span.fromMs, span.toMs, selection).filter(({ startMs }) => !changed.has(startMs));
  const computed: SeriesRollup[] = [];
  for (const dayMs of changed) {
    if (dayMs < span.fromMs || dayMs >= span.toMs) continue;
    const pieces = piecesFor(view, [{ fromMs: dayMs, toMs: zone.nextDay(dayMs) }]);
    const bySeries = new Map<string, SeriesRollup[]>();
    for (const row of readPieces(view, pieces, selection, newest)) {
      const key = seriesKey(row.series);
      bySeries.set(key, [...(bySeries.get(key) ?? []), row]);
    }
    for (const rows of bySeries.values()) {
      const rollup = sumOf(rows.map((row) => row.rollup));
      if (rollup && rows[0]) computed.push({ series: rows[0].series, startMs: dayMs, rollup });
    }
  }
  return computed.length === 0 ? stored : [...stored, ...computed].sort((a, b) => a.startMs - b.startMs);
}

function around(
  view: HistoryView,
  series: Series,
  { fromMs, toMs }: Period,
  { quantities }: Selection,
  newest: Newest,
): Pick<FilledSeries, 'before' | 'after'> {
  const selection = { meter: series.meter, measurement: series.measurement, quantities };
  const own = (rows: SeriesRollup[]) => rows.filter((row) => row.series.model === series.model);
  // Of the same grid as the periods' ends, which in some zones are not hours.
  const level: GridLevel = fromMs % HOUR_MS === 0 && toMs % HOUR_MS === 0 ? 'hour' : gridOf(fromMs, toMs);
  const [firstMs, lastMs] = [floorTo(HOUR_MS, fromMs - AROUND_MS), ceilTo(HOUR_MS, toMs + AROUND_MS)];
  const before = own(view.rows(level, firstMs, fromMs, selection, newest)).reverse();
  const after = own(view.rows(level, toMs, lastMs, selection, newest));
  return {
    before: nearestOf(before, quantities) ?? far(view, series, 'before', firstMs),
    after: nearestOf(after, quantities) ?? far(view, series, 'from', lastMs),
  };
}

/** The nearest that is known of each counter: not each reading has each of them. @param rows nearest first */
function nearestOf(rows: readonly SeriesRollup[], quantities: ReadonlySet<string> | undefined): Rollup | undefined {
  if (quantities && ![...quantities].some((name) => quantityKind(name) === 'counter')) return rows[0]?.rollup;
  let nearest: Rollup | undefined;
  for (const { rollup } of rows) {
    nearest ??= { ...rollup, fields: new Map(rollup.fields) };
    for (const [name, field] of rollup.fields) {
      if (field.kind === 'counter' && !nearest.fields.has(name)) nearest.fields.set(name, field);
    }
  }
  return nearest && hasCounter(nearest) ? nearest : undefined;
}

function hasCounter({ fields }: Rollup): boolean {
  return [...fields.values()].some(({ kind }) => kind === 'counter');
}

/** Hours without a counter that are passed over: of a meter that is hardly ever read, or of something that has none. */
const MOST_HOURS_WITHOUT = 24;

/** The nearest hour of a series that has a counter, on one side of a time that is an hour. */
function far(view: HistoryView, series: Series, side: 'before' | 'from', timeMs: number): Rollup | undefined {
  let boundMs = timeMs;
  for (let n = 0; n < MOST_HOURS_WITHOUT; n++) {
    const hour = nearestHour(view, series, side, boundMs);
    if (!hour || hasCounter(hour.rollup)) return hour?.rollup;
    boundMs = side === 'before' ? hour.startMs : hour.startMs + HOUR_MS;
  }
  return undefined;
}

/** The last hour of a series that begins before a time, or the first from then on; computed where it is not in the history. */
export function nearestHour(
  view: HistoryView,
  series: Series,
  side: 'before' | 'from',
  timeMs: number,
): Pick<SeriesRollup, 'startMs' | 'rollup'> | undefined {
  const id = view.store?.idOf(series);
  const stored = id === undefined ? undefined : view.store?.nearest('hour', id, side, timeMs);
  const untakenMs = view.nearestUntaken(series, side, timeMs);
  const isNearer =
    untakenMs !== undefined &&
    (stored === undefined || (side === 'before' ? untakenMs >= stored.startMs : untakenMs < stored.startMs + HOUR_MS));
  if (!isNearer) return stored;
  const { meter, measurement } = series;
  const newest = view.newest(untakenMs, untakenMs + 1, new Set<Level>(['hour']), { meter, measurement });
  const rows = [...(newest.rows.get('hour')?.values() ?? [])];
  return rows.find((row) => row.series.model === series.model);
}

function gridOf(fromMs: number, toMs: number): GridLevel {
  return fromMs % QUARTER_MS === 0 && toMs % QUARTER_MS === 0 ? 'quarter' : 'minute';
}
