import type { CollectorStatus, MeterStatus } from '../../collector/status.ts';
import { GAP_CAUSES } from '../../readings/reading.ts';
import type { PageMeter } from '../options.ts';
import type { Place } from '../place.ts';
import type { Families, Labels } from './exposition.ts';
import { quantityMetric } from './quantity-metric.ts';

/** As long as `status` says nothing of it (report/collecting-rules.ts): what is older must not be scraped as if it were of now. */
const OLD_MS = 10_000;
const OLD_INTERVALS = 5;

/** A line's numbers that only grow, by what they are called in label `kind`. */
const LINE_ERRORS: Readonly<Record<string, keyof MeterStatus['lineStats']>> = {
  timeout: 'timeouts',
  crc: 'crcErrors',
  exception: 'exceptions',
  truncated: 'truncated',
  noise: 'noise',
  disconnect: 'disconnects',
};

interface Seen {
  model: string;
  timeMs: number;
  values: Iterable<readonly [string, { value: number; timeMs: number }]>;
}

/** What each meter shows now, and how reading it goes. */
export function meterMetrics(families: Families, place: Place, collector: CollectorStatus | undefined): void {
  for (const meter of place.meters) {
    const status = collector?.meters.find(({ name }) => name === meter.name);
    const seen = seenOf(place, meter, status);
    if (seen) addReading(families, meter, seen, place.nowMs());
    if (status) addCounts(families, status);
  }
  addLines(families, collector?.meters ?? []);
}

/** A thread that has just begun knows no more than the collector's own status. */
function seenOf({ feed }: Place, { name, model }: PageMeter, status: MeterStatus | undefined): Seen | undefined {
  const known = feed.knownOf(name);
  if (known) return { model: known.series.model, timeMs: known.timeMs, values: known.values };
  if (!status?.lastReading) return undefined;
  const { timeMs, values } = status.lastReading;
  const entries = Object.entries(values).map(([quantity, value]) => [quantity, { value, timeMs }] as const);
  return { model: status.model ?? model, timeMs, values: entries };
}

function addReading(families: Families, { name, intervalMs, slowestMs }: PageMeter, seen: Seen, nowMs: number): void {
  const labels = { meter: name, model: seen.model };
  families.add(
    {
      name: 'energy_meter_last_reading_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the meter last gave a reading, in seconds since 1970; also where its values are too old to be shown.',
    },
    seen.timeMs / 1000,
    labels,
  );
  const oldMs = (everyMs: number) => nowMs - Math.max(OLD_MS, OLD_INTERVALS * everyMs);
  if (seen.timeMs < oldMs(intervalMs)) return;
  for (const [quantity, { value, timeMs }] of seen.values) {
    if (timeMs < oldMs(timeMs === seen.timeMs ? intervalMs : (slowestMs ?? intervalMs))) continue;
    const metric = quantityMetric(quantity);
    if (metric) families.add(metric.family, inUnit(value, metric.factor), { ...labels, ...metric.labels });
  }
}

/** A register has at most three decimals: 3.6 million times it is a whole number, which a product of floats only nearly is. */
const inUnit = (value: number, factor: number) => (factor === 1 ? value : Math.round(value * factor));

function addCounts(families: Families, { name, model, connected, good, gaps, suspicious }: MeterStatus): void {
  const labels = { meter: name, model };
  const counter = (what: string, help: string, value: number, more: Labels = {}) =>
    families.add({ name: `energy_monitor_${what}`, type: 'counter', help }, value, { ...labels, ...more });
  families.add(
    { name: 'energy_monitor_meter_connected', type: 'gauge', help: 'Whether the line to the meter is open.' },
    Number(connected),
    labels,
  );
  counter('readings', 'Readings of the meter since the start of the collector.', good);
  for (const cause of GAP_CAUSES) {
    counter('gaps', 'Points of time without a reading since the start, by cause.', gaps[cause] ?? 0, { cause });
  }
  counter('suspicious_samples', 'Samples that contradicted themselves and were read again.', suspicious);
}

/** Meters that share a line share its numbers. */
function addLines(families: Families, meters: readonly MeterStatus[]): void {
  for (const [line, stats] of new Map(meters.map((meter) => [meter.line, meter.lineStats]))) {
    const counter = (what: string, help: string, value: number, more: Labels = {}) =>
      families.add({ name: `energy_monitor_line_${what}`, type: 'counter', help }, value, { line, ...more });
    counter('requests', 'Requests on the line since the start of the collector.', stats.requests);
    counter('answers', 'Right answers on the line.', stats.answers);
    for (const [kind, key] of Object.entries(LINE_ERRORS)) {
      counter('errors', 'What went wrong on the line, by kind.', stats[key], { kind });
    }
    families.add(
      {
        name: 'energy_monitor_line_stray_bytes',
        type: 'counter',
        unit: 'bytes',
        help: 'Bytes outside of any reply: late or doubled ones, noise.',
      },
      stats.strayBytes,
      { line },
    );
  }
}
