import type { Gap, Reading, Values } from '../readings/reading.ts';

/** One thing that happened on the grid and is on its way into the database. */
export type Entry =
  | { kind: 'reading'; reading: Reading; decimals: Readonly<Record<string, number>> }
  | { kind: 'gap'; gap: Gap };

/** An entry as the tail and the spool hold it, in JSON. */
export interface EntryRecord {
  /** Series: measurement, meter, model. */
  s: [string, string, string];
  t?: number;
  v?: Values;
  d?: Readonly<Record<string, number>>;
  g?: [number, number, Gap['cause']];
}

export function toRecord(entry: Entry): EntryRecord {
  if (entry.kind === 'gap') {
    const { series, fromMs, toMs, cause } = entry.gap;
    return { s: [series.measurement, series.meter, series.model], g: [fromMs, toMs, cause] };
  }
  const { series, timeMs, values } = entry.reading;
  return { s: [series.measurement, series.meter, series.model], t: timeMs, v: values, d: entry.decimals };
}

/** @returns undefined for a record that is neither reading nor gap */
export function fromRecord(record: EntryRecord): Entry | undefined {
  const [measurement, meter, model] = record.s;
  const series = { measurement, meter, model };
  if (record.g) return { kind: 'gap', gap: { series, fromMs: record.g[0], toMs: record.g[1], cause: record.g[2] } };
  if (record.t === undefined || !record.v) return undefined;
  return { kind: 'reading', reading: { series, timeMs: record.t, values: record.v }, decimals: record.d ?? {} };
}
