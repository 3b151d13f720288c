import type { JournalReader } from '../journal/reader.ts';
import { type Reading, type Series, seriesKey } from '../readings/reading.ts';

type Known = Pick<JournalReader, 'latest' | 'first' | 'gaps'>;

/** A gap can be long, and other meters are read in it: it is stepped over. */
const SOON_MS = 10_000;
const MOST_GAPS = 50;

/**
 * Readings that together have each counter, oldest first. The first good reading of a slot has what is read once a slot
 * (schedule.ts), so those of the last two slots are enough: the hours between them, of all meters, are not read while
 * others wait for the line.
 * @param intervals ms by quantity, of those that not each reading has
 */
export function latestReadings(reader: Known, series: Series, intervals: ReadonlyMap<string, number>): Reading[] {
  const latest = reader.latest(series);
  if (!latest) return [];
  const found = new Map([[latest.timeMs, latest]]);
  for (const intervalMs of new Set(intervals.values())) {
    const slotMs = Math.floor(latest.timeMs / intervalMs) * intervalMs;
    for (const fromMs of [slotMs, slotMs - intervalMs]) {
      const first = firstFrom(reader, series, fromMs, latest.timeMs);
      if (first) found.set(first.timeMs, first);
    }
  }
  return [...found.values()].sort((a, b) => a.timeMs - b.timeMs);
}

function firstFrom(reader: Known, series: Series, fromMs: number, lastMs: number): Reading | undefined {
  let startMs = fromMs;
  for (let gaps = 0; gaps < MOST_GAPS; gaps++) {
    const soon = { fromMs: startMs, toMs: Math.min(startMs + SOON_MS, lastMs + 1) };
    const reading = reader.first(series, soon);
    if (reading) return reading;
    const here = reader
      .gaps({ ...soon, meter: series.meter })
      .filter((gap) => seriesKey(gap.series) === seriesKey(series));
    // Before there was such a meter it has neither.
    if (here.length === 0) break;
    startMs = Math.max(...here.map(({ toMs }) => toMs + 1));
  }
  return reader.first(series, { fromMs: startMs, toMs: lastMs + 1 });
}
