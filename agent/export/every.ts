import { quantityInfo } from '../readings/quantity.ts';
import { type Reading, seriesKey, type Values } from '../readings/reading.ts';

interface Bucket {
  reading: Reading;
  sums: Record<string, { sum: number; count: number }>;
  last: Values;
}

/** Mean with the error of binary sums rounded away; meters show at most four decimals. */
const mean = (sum: number, count: number) => Math.round((sum / count) * 1e6) / 1e6;

/**
 * Readings in groups of `everyMs` on the UTC grid, per series: gauges by their mean, counters by their last value. Each
 * carries the time its group begins. Input and output are ordered by time.
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
      sums: {},
      last: {},
    };
    open.set(key, bucket);
    for (const [name, value] of Object.entries(reading.values)) {
      bucket.last[name] = value;
      const total = bucket.sums[name] ?? { sum: 0, count: 0 };
      bucket.sums[name] = { sum: total.sum + value, count: total.count + 1 };
    }
  }
  yield* close(open);
}

function* close(open: Map<string, Bucket>): Generator<Reading> {
  for (const { reading, sums, last } of open.values()) {
    for (const [name, { sum, count }] of Object.entries(sums)) {
      reading.values[name] = quantityInfo(name)?.kind === 'counter' ? (last[name] ?? 0) : mean(sum, count);
    }
    yield reading;
  }
}
