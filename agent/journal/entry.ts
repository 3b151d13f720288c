import type { Gap, Reading, Values } from '../readings/reading.ts';
import type { ClockStamp } from '../system/clock.ts';

/** One thing that happened on the grid and is on its way into the database. */
export type Entry = { held?: Held | undefined } & (
  | { kind: 'reading'; reading: Reading; decimals: Readonly<Record<string, number>> }
  | { kind: 'gap'; gap: Gap }
);

/** Of an entry whose times are those of a clock that may be wrong: it is held until that is known (held.ts). */
export interface Held extends ClockStamp {
  /** Corrected times are whole multiples of this. */
  gridMs: number;
  /** Where a gap begins, when that is known: UTC ms. */
  fromMs?: number | undefined;
}

/** An entry as the tail and the spool hold it, in JSON. */
export interface EntryRecord {
  /** Series: measurement, meter, model. */
  s: [string, string, string];
  t?: number;
  v?: Values;
  d?: Readonly<Record<string, number>>;
  g?: [number, number, Gap['cause']];
  /** Held: boot, offset, grid, and where a gap really begins. */
  h?: [string, number, number, number?];
}

export function toRecord(entry: Entry): EntryRecord {
  const h = entry.held && { h: heldTuple(entry.held) };
  if (entry.kind === 'gap') {
    const { series, fromMs, toMs, cause } = entry.gap;
    return { s: [series.measurement, series.meter, series.model], g: [fromMs, toMs, cause], ...h };
  }
  const { series, timeMs, values } = entry.reading;
  return { s: [series.measurement, series.meter, series.model], t: timeMs, v: values, d: entry.decimals, ...h };
}

export function heldTuple({ boot, offsetMs, gridMs, fromMs }: Held): [string, number, number, number?] {
  return fromMs === undefined ? [boot, offsetMs, gridMs] : [boot, offsetMs, gridMs, fromMs];
}

export function heldOf(tuple: [string, number, number, number?] | undefined): { held?: Held } {
  if (!tuple) return {};
  const [boot, offsetMs, gridMs, fromMs] = tuple;
  return { held: { boot, offsetMs, gridMs, ...(fromMs === undefined ? {} : { fromMs }) } };
}

/** @returns undefined for a record that is neither reading nor gap */
export function fromRecord(record: EntryRecord): Entry | undefined {
  const [measurement, meter, model] = record.s;
  const series = { measurement, meter, model };
  const held = heldOf(record.h);
  if (record.g) {
    return { kind: 'gap', gap: { series, fromMs: record.g[0], toMs: record.g[1], cause: record.g[2] }, ...held };
  }
  if (record.t === undefined || !record.v) return undefined;
  return {
    kind: 'reading',
    reading: { series, timeMs: record.t, values: record.v },
    decimals: record.d ?? {},
    ...held,
  };
}
