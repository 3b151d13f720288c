import { createHash } from 'node:crypto';
import type { VictoriaMetricsApi } from './api.ts';
import { selectorOf, uncached } from './selector.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** UTC ms, to the left of `toMs`. */
export interface TimeSpan {
  fromMs: number;
  toMs: number;
}

/** What a server has in one hour or day. */
export interface Tally {
  /** Of all series together. */
  samples: number;
  /** Another one when samples came, went or have other values. */
  mark: string;
}

interface Matrix {
  result: { metric: Record<string, string>; values: [number, string][] }[];
}

/** Count or sum of a series in an hour or day. */
interface TallyRow {
  /** Beginning of the hour or day, UTC ms. */
  fromMs: number;
  /** Labels of the series (`canonicalLabels`). */
  key: string;
  rollup: string;
  value: string;
}

/**
 * The tallies of each whole hour or day of a time in which there is something, by its beginning in UTC ms. Counts and
 * sums are computed where the data are: nothing but them travels.
 * @param span at most some days: the server holds all samples of a series and span in memory, 16 bytes each
 * @throws AgentError
 */
export async function tallies(
  api: VictoriaMetricsApi,
  measurements: readonly string[],
  span: TimeSpan,
  stepMs: typeof HOUR_MS | typeof DAY_MS,
): Promise<Map<number, Tally>> {
  const parts = new Map<number, { texts: string[]; samples: number }>();
  for (const { fromMs, key, rollup, value } of await tallyRows(api, selectorOf(measurements), span, stepMs)) {
    const part = parts.get(fromMs) ?? { texts: [], samples: 0 };
    parts.set(fromMs, part);
    part.texts.push(`${key}${rollup}=${value}`);
    if (rollup === 'count_over_time') part.samples += Number(value);
  }
  return new Map(
    [...parts]
      .filter(([, { samples }]) => samples > 0)
      .sort(([x], [y]) => x - y)
      .map(([fromMs, { texts, samples }]) => [fromMs, { samples, mark: markOf(texts) }]),
  );
}

/** What there is of a series in an hour. */
export interface SeriesTally {
  count: number;
  sum: number;
}

/**
 * The tallies of each series by the hour's beginning in UTC ms and the labels of the series (`canonicalLabels`), as they are
 * at this moment.
 * @param span whole hours, as with `tallies`
 * @throws AgentError
 */
export async function seriesTallies(
  api: VictoriaMetricsApi,
  selector: string,
  span: TimeSpan,
): Promise<Map<number, Map<string, SeriesTally>>> {
  const hours = new Map<number, Map<string, SeriesTally>>();
  for (const { fromMs, key, rollup, value } of await tallyRows(api, uncached(selector), span, HOUR_MS)) {
    const hour = hours.get(fromMs) ?? new Map<string, SeriesTally>();
    hours.set(fromMs, hour);
    const tally = hour.get(key) ?? { count: 0, sum: 0 };
    hour.set(key, tally);
    tally[rollup === 'count_over_time' ? 'count' : 'sum'] = Number(value);
  }
  return hours;
}

async function tallyRows(
  api: VictoriaMetricsApi,
  selector: string,
  span: TimeSpan,
  stepMs: typeof HOUR_MS | typeof DAY_MS,
): Promise<TallyRow[]> {
  const step = stepMs === DAY_MS ? '1d' : '1h';
  const { result } = await api.data<Matrix>('/api/v1/query_range', {
    query: `aggr_over_time(("count_over_time","sum_over_time"), ${selector}[${step}]) keep_metric_names`,
    // A window ends with its moment and begins after the one before: from the first to the last millisecond.
    start: seconds(span.fromMs + stepMs - 1),
    end: seconds(span.toMs - 1),
    step,
    // From its cache the server would give the tallies of before a late sample, and move the moments.
    nocache: '1',
  });
  return result.flatMap(({ metric, values }) => {
    const { rollup = '', ...labels } = metric;
    const key = canonicalLabels(labels);
    return values.map(([momentS, value]) => ({ fromMs: Math.round(momentS * 1000) + 1 - stepMs, key, rollup, value }));
  });
}

/** Whether any series has samples in the days of a time of at most 40 days; for longer ones the server does not look. */
export async function hasSeries(
  api: VictoriaMetricsApi,
  measurements: readonly string[],
  { fromMs, toMs }: TimeSpan,
): Promise<boolean> {
  const query = { 'match[]': selectorOf(measurements), start: seconds(fromMs), end: seconds(toMs - 1), limit: '1' };
  return (await api.data<unknown[]>('/api/v1/series', query)).length > 0;
}

/** Labels in one order, whatever order the server has them in. */
export function canonicalLabels(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Unix time with milliseconds, as the server reads it. */
export const seconds = (ms: number) => (ms / 1000).toFixed(3);

function markOf(texts: readonly string[]): string {
  return createHash('sha256').update(texts.toSorted().join('\n')).digest('hex').slice(0, 32);
}
