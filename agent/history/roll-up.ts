import type { Series } from '../readings/reading.ts';
import { type Coverage, covers, hasPart, partsCovered } from './coverage.ts';
import type { DirtyHour } from './dirty.ts';
import { floorTo, type GridLevel, HOUR_MS, LEVEL_MS, MINUTE_MS, partAt, QUARTER_MS } from './levels.ts';
import { MinuteBuilder } from './minute.ts';
import type { RawReading, RawReadings } from './raw-readings.ts';
import { absorb, cloneRollup, emptyRollup, type Rollup } from './rollup.ts';
import type { HistoryStore } from './store.ts';

/** A roll-up that was computed anew; undefined where there is nothing any more. */
export interface Computed {
  level: GridLevel;
  series: Series;
  startMs: number;
  rollup: Rollup | undefined;
}

/**
 * Computes the minutes of an hour that have changed from all their readings, and quarters and the hour from the level below.
 * So it does not matter whether readings came late, twice or by an import. What is stored of readings or minutes that
 * retention has let go meanwhile stays, and what is new beside them is added; where readings were taken away because they
 * were of another time, nothing of them stays.
 * @param all by seriesKey()
 * @param stored undefined where there is no history yet
 */
export function* rollUpHour(
  startMs: number,
  all: ReadonlyMap<string, DirtyHour>,
  raw: RawReadings,
  stored: HistoryStore | undefined,
): Generator<Computed> {
  const fresh = freshMinutes(startMs, all, raw);
  for (const [key, { series, minutes, exact }] of all) {
    const id = stored?.idOf(series);
    const before = (level: GridLevel) => (id === undefined ? new Map() : storedOf(stored, level, id, startMs));
    const children = before('minute');
    const now = fresh.get(key) ?? new Map<number, Rollup>();
    for (const minute of partsCovered(exact)) {
      const atMs = startMs + minute * MINUTE_MS;
      if (now.has(atMs) || !children.delete(atMs)) continue;
      yield { level: 'minute', series, startMs: atMs, rollup: undefined };
    }
    for (const [atMs, rollup] of now) {
      const known = hasPart(exact, (atMs - startMs) / MINUTE_MS) ? undefined : children.get(atMs);
      const whole = known ? kept(known, rollup, (covered) => minuteWithout(atMs, key, raw, covered)) : rollup;
      children.set(atMs, whole);
      yield { level: 'minute', series, startMs: atMs, rollup: whole };
    }
    const quarters = before('quarter');
    for (let atMs = startMs; atMs < startMs + HOUR_MS; atMs += QUARTER_MS) {
      if (!touches(minutes, atMs)) continue;
      const quarter = folded('quarter', children, atMs, touches(exact, atMs) ? undefined : quarters.get(atMs));
      if (quarter === undefined && !quarters.delete(atMs)) continue;
      if (quarter) quarters.set(atMs, quarter);
      yield { level: 'quarter', series, startMs: atMs, rollup: quarter };
    }
    const known = id === undefined ? undefined : stored?.find('hour', id, startMs);
    const hour = folded('hour', quarters, startMs, partsCovered(exact).length > 0 ? undefined : known);
    if (hour !== undefined || known !== undefined) yield { level: 'hour', series, startMs, rollup: hour };
  }
}

function storedOf(
  stored: HistoryStore | undefined,
  level: GridLevel,
  series: number,
  startMs: number,
): Map<number, Rollup> {
  const rows = stored?.range(level, startMs, startMs + HOUR_MS, { series: [series] }) ?? [];
  return new Map([...rows].map((row) => [row.startMs, row.rollup]));
}

/** The changed minutes as their readings alone give them, by series and start. */
function freshMinutes(
  startMs: number,
  all: ReadonlyMap<string, DirtyHour>,
  raw: RawReadings,
): Map<string, Map<number, Rollup>> {
  const builders = new Map<string, Map<number, MinuteBuilder>>([...all.keys()].map((key) => [key, new Map()]));
  // One scan of what lies between the first and the last of them: nearly always a few minutes, or all.
  const { first, last } = bounds([...all.values()].map(({ minutes }) => minutes));
  const range = [startMs + first * MINUTE_MS, startMs + (last + 1) * MINUTE_MS] as const;
  for (const reading of raw.between(...range)) {
    const minutes = all.get(reading.key)?.minutes;
    const own = builders.get(reading.key);
    const atMs = floorTo(MINUTE_MS, reading.timeMs);
    if (!minutes || !own || !hasPart(minutes, (atMs - startMs) / MINUTE_MS)) continue;
    let builder = own.get(atMs);
    if (!builder) {
      builder = new MinuteBuilder();
      own.set(atMs, builder);
    }
    builder.add(reading);
  }
  return new Map(
    [...builders].map(([key, own]) => [key, new Map([...own].map(([atMs, { rollup }]) => [atMs, rollup]))]),
  );
}

function bounds(minutes: readonly Coverage[]): { first: number; last: number } {
  const parts = minutes.flatMap(partsCovered);
  return { first: Math.min(...parts), last: Math.max(...parts) };
}

function touches(minutes: Coverage, quarterMs: number): boolean {
  const first = (quarterMs % HOUR_MS) / MINUTE_MS;
  return partsCovered(minutes).some((minute) => minute >= first && minute < first + QUARTER_MS / MINUTE_MS);
}

function minuteWithout(atMs: number, key: string, raw: RawReadings, covered: Coverage): Rollup {
  const builder = new MinuteBuilder(covered);
  for (const reading of raw.between(atMs, atMs + MINUTE_MS) as Iterable<RawReading>) {
    if (reading.key === key) builder.add(reading);
  }
  return builder.rollup;
}

/** A period from its children, in their order, and what is stored of children that are gone. */
function folded(
  level: 'quarter' | 'hour',
  children: ReadonlyMap<number, Rollup>,
  startMs: number,
  known: Rollup | undefined,
): Rollup | undefined {
  const own = [...children]
    .filter(([atMs]) => atMs >= startMs && atMs < startMs + LEVEL_MS[level])
    .sort(([a], [b]) => a - b);
  const fold = (parts: typeof own): Rollup => {
    const sum = emptyRollup();
    for (const [atMs, child] of parts) absorb(sum, { ...child, covered: coverageIn(level, atMs, child) });
    return sum;
  };
  const fresh = fold(own);
  if (!known) return fresh.count === 0 ? undefined : fresh;
  return kept(known, fresh, (covered) =>
    fold(own.filter(([atMs, child]) => !overlaps(covered, coverageIn(level, atMs, child)))),
  );
}

/** Which minutes of a period a child stands for. */
function coverageIn(level: 'quarter' | 'hour', atMs: number, child: Rollup): Coverage {
  if (level === 'quarter') return partAt('quarter', atMs);
  const first = (atMs % HOUR_MS) / MINUTE_MS;
  return partsCovered(child.covered)
    .map((part) => partAt('hour', (first + part) * MINUTE_MS))
    .reduce((a, b) => ({ low: a.low | b.low, high: a.high | b.high }), { low: 0, high: 0 });
}

const overlaps = (a: Coverage, b: Coverage) => (a.low & b.low) !== 0 || (a.high & b.high) !== 0;

/**
 * What there is now, but never less than was known: values of readings that are gone stay.
 * @param beside computes what there is now outside of these parts
 */
function kept(known: Rollup, fresh: Rollup, beside: (covered: Coverage) => Rollup): Rollup {
  if (covers(fresh.covered, known.covered)) {
    const result: Rollup = { ...fresh, fields: new Map(fresh.fields), count: Math.max(fresh.count, known.count) };
    for (const [name, field] of known.fields) {
      const now = fresh.fields.get(name);
      if (now === undefined || now.count < field.count) result.fields.set(name, field);
    }
    return result;
  }
  const result = cloneRollup(known);
  const added = beside(known.covered);
  if (added.count > 0) absorb(result, added);
  // Quantities that come by an import of their own.
  for (const [name, field] of fresh.fields) if (!known.fields.has(name)) result.fields.set(name, { ...field });
  return result;
}
