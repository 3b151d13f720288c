import { AgentError } from '../../system/errors.ts';
import type { VictoriaMetricsApi } from './api.ts';
import { selectorOf } from './selector.ts';
import { canonicalLabels, HOUR_MS, seconds, type Tally, type TimeSpan, tallies } from './tallies.ts';

/** So many are in memory at once, some times over: 20 MB together with the garbage they leave. */
const SAMPLES_AT_ONCE = 12_000;

/** NaN comes as null, infinities as texts. */
type Value = number | string | null;

interface ExportedSeries {
  metric: Record<string, string>;
  values: Value[];
  timestamps: number[];
}

/**
 * All samples of some hours as JSON lines, which `POST /api/v1/import` takes. The same samples give the same bytes: hour by
 * hour, within it series by series, labels and times in order, each sample once.
 * @param hours what the server has, by the hour's beginning in UTC ms; fewer samples than that are no whole answer
 * @throws AgentError, retryable when it broke off
 */
export async function* exportHours(
  api: VictoriaMetricsApi,
  measurements: readonly string[],
  hours: ReadonlyMap<number, Tally>,
): AsyncGenerator<Uint8Array> {
  for (const [hourMs, { samples }] of hours) {
    let found = 0;
    for (const span of windows(hourMs, samples)) {
      const exported = await exportSpan(api, measurements, span);
      found += exported.samples;
      for (const line of exported.lines) yield Buffer.from(line);
    }
    // A server that is killed, or a proxy's time-out, can end an answer between two lines.
    if (found < samples) throw brokenOff(api, `${found} of ${samples} samples of an hour came`);
  }
}

/** The same for all hours of a span. */
export async function* exportSpanByHours(
  api: VictoriaMetricsApi,
  measurements: readonly string[],
  span: TimeSpan,
): AsyncGenerator<Uint8Array> {
  yield* exportHours(api, measurements, await tallies(api, measurements, span, HOUR_MS));
}

/** An hour in as many equal parts as it takes. */
function windows(hourMs: number, samples: number): TimeSpan[] {
  const parts = Math.ceil(samples / SAMPLES_AT_ONCE);
  const edge = (i: number) => hourMs + Math.round((i * HOUR_MS) / parts);
  return Array.from({ length: parts }, (_, i) => ({ fromMs: edge(i), toMs: edge(i + 1) }));
}

async function exportSpan(
  api: VictoriaMetricsApi,
  measurements: readonly string[],
  { fromMs, toMs }: TimeSpan,
): Promise<{ lines: string[]; samples: number }> {
  const text = await api.text('/api/v1/export', {
    'match[]': selectorOf(measurements),
    start: seconds(fromMs),
    end: seconds(toMs - 1),
  });
  if (text !== '' && !text.endsWith('\n')) throw brokenOff(api, 'the last line is not whole');
  const found = new Map<string, { values: Value[]; timestamps: number[] }>();
  let samples = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const { metric, values, timestamps } = parse(api, line);
    samples += values.length;
    const key = canonicalLabels(metric);
    const before = found.get(key);
    found.set(
      key,
      before
        ? { values: [...before.values, ...values], timestamps: [...before.timestamps, ...timestamps] }
        : { values, timestamps },
    );
  }
  const lines = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, series]) => lineOf(key, series));
  return { lines, samples };
}

function parse(api: VictoriaMetricsApi, line: string): ExportedSeries {
  try {
    const series = JSON.parse(line) as Partial<ExportedSeries>;
    const { metric, values, timestamps } = series;
    if (metric && values && timestamps && values.length === timestamps.length) return { metric, values, timestamps };
  } catch {
    // An error of the server's amid the lines, or half a line.
  }
  throw brokenOff(api, `it answers with ${JSON.stringify(line.slice(0, 80))} where a series should be`);
}

/** What was sent twice the server holds twice, unless it was told to deduplicate. */
function lineOf(labels: string, { values, timestamps }: { values: Value[]; timestamps: number[] }): string {
  const isInOrder = timestamps.every((time, i) => i === 0 || time > (timestamps[i - 1] ?? 0));
  if (isInOrder) return textOf(labels, values, timestamps);
  const order = timestamps
    .map((time, i) => ({ time, value: values[i] ?? null }))
    .sort((a, b) => a.time - b.time || compareValues(a.value, b.value));
  const once = order.filter(
    ({ time, value }, i) => i === 0 || order[i - 1]?.time !== time || order[i - 1]?.value !== value,
  );
  return textOf(
    labels,
    once.map(({ value }) => value),
    once.map(({ time }) => time),
  );
}

function textOf(labels: string, values: readonly Value[], timestamps: readonly number[]): string {
  return `{"metric":${labels},"values":${JSON.stringify(values)},"timestamps":${JSON.stringify(timestamps)}}\n`;
}

function compareValues(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

function brokenOff(api: VictoriaMetricsApi, what: string): AgentError {
  return new AgentError('unavailable', `the export of ${api.client.url} broke off: ${what}`, {
    retryable: true,
    hint: 'the server may have been restarted; see its log, and run it again',
  });
}
