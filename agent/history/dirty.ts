import { type Series, seriesKey } from '../readings/reading.ts';
import { type Coverage, NOTHING_COVERED, union } from './coverage.ts';
import { floorTo, HOUR_MS, partAt } from './levels.ts';

/** Minutes of one series in one hour that are to be computed again. */
export interface DirtyHour {
  series: Series;
  startMs: number;
  /** Bit i: minute i of the hour. */
  minutes: Coverage;
  /** Of these, minutes from which readings were taken away: what is there now is all there ever was. */
  exact: Coverage;
}

/** Minutes to compute again, by hours. */
export class Dirty {
  readonly #hours = new Map<number, Map<string, DirtyHour>>();

  add(series: Series, timeMs: number, isExact = false): void {
    const startMs = floorTo(HOUR_MS, timeMs);
    let hour = this.#hours.get(startMs);
    if (!hour) {
      hour = new Map();
      this.#hours.set(startMs, hour);
    }
    const key = seriesKey(series);
    const entry = hour.get(key) ?? { series, startMs, minutes: NOTHING_COVERED, exact: NOTHING_COVERED };
    entry.minutes = union(entry.minutes, partAt('hour', timeMs));
    if (isExact) entry.exact = union(entry.exact, partAt('hour', timeMs));
    hour.set(key, entry);
  }

  /** Hour by hour, oldest first. */
  *hours(): Generator<{ startMs: number; all: ReadonlyMap<string, DirtyHour> }> {
    for (const startMs of [...this.#hours.keys()].sort((a, b) => a - b)) {
      yield { startMs, all: this.#hours.get(startMs) ?? new Map() };
    }
  }

  get size(): number {
    return this.#hours.size;
  }
}
