import { fluxString } from '../flux.ts';
import { fluxRows } from './annotated-csv.ts';
import type { RestoreServer } from './restore-server.ts';

/** UTC ms, the second one outside. */
export interface TimeSpan {
  fromMs: number;
  toMs: number;
}

/** What there is of a field on a UTC day, over all its series. */
export interface Tally {
  measurement: string;
  field: string;
  /** `2026-03-01` */
  day: string;
  count: number;
  /** Exact for integers; undefined for texts and truths. */
  sum: bigint | number | undefined;
}

/** The tallies of a time within one UTC month, by `tallyKey`. */
export type TallySource = (span: TimeSpan) => Promise<ReadonlyMap<string, Tally>>;

export const tallyKey = ({ measurement, field, day }: Pick<Tally, 'measurement' | 'field' | 'day'>): string =>
  JSON.stringify([measurement, field, day]);

const NUMBERS = new Set(['long', 'unsignedLong', 'double']);

/**
 * Tallies of a bucket, which the storage engine computes itself: windows of whole UTC days over all points of a series.
 * What travels, and what the query has in memory, is a number for each series and day.
 */
export function bucketTallies(server: RestoreServer, orgID: string, bucketID: string): TallySource {
  const doing = 'counting points';
  return async ({ fromMs, toMs }) => {
    const range = `from(bucketID: ${fluxString(bucketID)})
  |> range(start: ${time(fromMs)}, stop: ${time(toMs)})`;
    const perDay = (filter: string, fn: string) => `${range}${filter}
  |> aggregateWindow(every: 1d, fn: ${fn}, createEmpty: false, timeSrc: "_start")
  |> group(columns: ["_measurement", "_field", "_time"])
  |> sum()`;
    const tallies = new Map<string, Tally>();
    for (const { values } of fluxRows(await server.query(doing, orgID, perDay('', 'count')))) {
      const tally = { ...dayOf(values), count: Number(values.get('_value')), sum: undefined };
      tallies.set(tallyKey(tally), tally);
    }
    if (tallies.size === 0) return tallies;
    const numeric = await numericFields(server, orgID, range);
    for (const [measurement, fields] of numeric) {
      const filter = `
  |> filter(fn: (r) => r._measurement == ${fluxString(measurement)} and (${fields
    .map((field) => `r._field == ${fluxString(field)}`)
    .join(' or ')}))`;
      for (const { values, types } of fluxRows(await server.query(doing, orgID, perDay(filter, 'sum')))) {
        const tally = tallies.get(tallyKey(dayOf(values)));
        const text = values.get('_value') ?? '';
        if (tally) tally.sum = types.get('_value') === 'double' ? Number(text) : BigInt(text);
      }
    }
    return tallies;
  };
}

/** How many values there are in a time: as many as points times fields. The storage engine counts them. */
export async function countValues(
  server: RestoreServer,
  orgID: string,
  bucketID: string,
  { fromMs, toMs }: TimeSpan,
): Promise<number> {
  const query = `from(bucketID: ${fluxString(bucketID)})
  |> range(start: ${time(fromMs)}, stop: ${time(toMs)})
  |> count()
  |> group()
  |> sum()`;
  const [row] = fluxRows(await server.query('counting points', orgID, query));
  return Number(row?.values.get('_value') ?? 0);
}

/** All times that InfluxDB has. */
const EVER: TimeSpan = { fromMs: Date.UTC(1677, 8, 22), toMs: Date.UTC(2262, 3, 11) };

/** Whether a bucket has no point of any time. */
export async function isEmpty(server: RestoreServer, orgID: string, bucketID: string): Promise<boolean> {
  return (await firstPointMs(server, orgID, bucketID, EVER)) === undefined;
}

/** UTC ms of the first point of a time. The storage engine looks for the first one of each series. */
async function firstPointMs(
  server: RestoreServer,
  orgID: string,
  bucketID: string,
  { fromMs, toMs }: TimeSpan,
): Promise<number | undefined> {
  const query = `from(bucketID: ${fluxString(bucketID)})
  |> range(start: ${time(fromMs)}, stop: ${time(toMs)})
  |> first()
  |> keep(columns: ["_time"])
  |> group()
  |> sort(columns: ["_time"])
  |> limit(n: 1)`;
  const [row] = fluxRows(await server.query('looking for points', orgID, query));
  return row && Date.parse(row.values.get('_time') ?? '');
}

/** UTC ms of the first point that is in none of these times. */
export async function firstPointOutside(
  server: RestoreServer,
  orgID: string,
  bucketID: string,
  spans: readonly TimeSpan[],
): Promise<number | undefined> {
  let { fromMs } = EVER;
  for (const span of [...spans.toSorted((a, b) => a.fromMs - b.fromMs), { fromMs: EVER.toMs, toMs: EVER.toMs }]) {
    const found = span.fromMs > fromMs && (await firstPointMs(server, orgID, bucketID, { fromMs, toMs: span.fromMs }));
    if (typeof found === 'number') return found;
    fromMs = Math.max(fromMs, span.toMs);
  }
  return undefined;
}

/** Fields whose values can be added up, by measurement. A field that has two types in one month has no sum. */
async function numericFields(server: RestoreServer, orgID: string, range: string): Promise<Map<string, string[]>> {
  const types = new Map<string, Map<string, Set<string>>>();
  const answer = await server.query('asking for the fields', orgID, `${range} |> first()`);
  for (const row of fluxRows(answer)) {
    const measurement = row.values.get('_measurement') ?? '';
    const field = row.values.get('_field') ?? '';
    const fields = types.get(measurement) ?? new Map<string, Set<string>>();
    types.set(measurement, fields);
    fields.set(field, (fields.get(field) ?? new Set()).add(row.types.get('_value') ?? ''));
  }
  const numeric = new Map<string, string[]>();
  for (const [measurement, fields] of types) {
    const names = [...fields].filter(([, kinds]) => kinds.size === 1 && NUMBERS.has([...kinds][0] ?? ''));
    if (names.length > 0)
      numeric.set(
        measurement,
        names.map(([name]) => name),
      );
  }
  return numeric;
}

function dayOf(values: ReadonlyMap<string, string>): Pick<Tally, 'measurement' | 'field' | 'day'> {
  return {
    measurement: values.get('_measurement') ?? '',
    field: values.get('_field') ?? '',
    day: (values.get('_time') ?? '').slice(0, 10),
  };
}

const time = (ms: number): string => new Date(ms).toISOString();

/** The UTC months of times, cut at their ends, in order: each is one question. */
export function monthsOf(spans: readonly TimeSpan[]): TimeSpan[] {
  const months = new Map<number, TimeSpan>();
  for (const { fromMs, toMs } of spans) {
    for (let startMs = monthBefore(fromMs); startMs < toMs; startMs = monthAfter(startMs)) {
      const cut = { fromMs: Math.max(fromMs, startMs), toMs: Math.min(toMs, monthAfter(startMs)) };
      const known = months.get(startMs) ?? cut;
      months.set(startMs, {
        fromMs: Math.min(known.fromMs, cut.fromMs),
        toMs: Math.max(known.toMs, cut.toMs),
      });
    }
  }
  return [...months.values()].toSorted((a, b) => a.fromMs - b.fromMs);
}

function monthBefore(ms: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

function monthAfter(startMs: number): number {
  const date = new Date(startMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}
