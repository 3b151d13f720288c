import { quantityKind } from '../readings/quantity.ts';
import { type Reading, seriesKey } from '../readings/reading.ts';

interface Bucket {
  reading: Reading;
  seen: Record<string, { sum: number; count: number; most: number; last: number }>;
}

/** Mean with the error of binary sums rounded away; meters show at most four decimals. */
const mean = (sum: number, count: number) => Math.round((sum / count) * 1e6) / 1e6;

/**
 * Readings in groups of `everyMs` on the UTC grid, per series: gauges by their mean, counters by their last value, flags
 * by whether they were set at all. Each carries the time its group begins. Input and output are ordered by time.
 */
export function* groupEvery(readings: Iterable<Reading>, everyMs: number): Generator<Reading> {
  const open = new Map<string, Bucket>();
  let currentMs: number | undefined;
  for (const reading of readings) {
    const startMs = Math.floor(reading.timeMs / everyMs) * everyMs;
    if (currentMs !== undefined && startMs !== currentMs) {
      yield* close(open);
      open.clear();
    }
    currentMs = startMs;
    const key = seriesKey(reading.series);
    const bucket = open.get(key) ?? {
      reading: { series: reading.series, timeMs: startMs, values: {} },
      seen: {},
    };
    open.set(key, bucket);
    for (const [name, value] of Object.entries(reading.values)) {
      const { sum, count, most } = bucket.seen[name] ?? { sum: 0, count: 0, most: value };
      bucket.seen[name] = { sum: sum + value, count: count + 1, most: Math.max(most, value), last: value };
    }
  }
  yield* close(open);
}

function* close(open: Map<string, Bucket>): Generator<Reading> {
  for (const { reading, seen } of open.values()) {
    for (const [name, { sum, count, most, last }] of Object.entries(seen)) {
      const kind = quantityKind(name);
      reading.values[name] = kind === 'counter' ? last : kind === 'flag' ? most : mean(sum, count);
    }
    yield reading;
  }
}
