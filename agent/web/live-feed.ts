import type { Outcome } from '../collector/meter-loop.ts';
import type { Reading, Series } from '../readings/reading.ts';

/** What became of a point of a meter's grid. */
export interface MeterOutcome {
  series: Series;
  outcome: Outcome;
}

/** What is known of a meter's quantities. */
export interface Known {
  series: Series;
  /** UTC ms of the newest reading. */
  timeMs: number;
  /** The newest value of each quantity, with its UTC ms: not each reading has all of them (`intervals`). */
  values: Map<string, { value: number; timeMs: number }>;
}

type Listener = (outcome: MeterOutcome) => void;

/** What the collector has just read or missed, as it tells it. */
export class LiveFeed {
  readonly #latest = new Map<string, MeterOutcome>();
  readonly #known = new Map<string, Known>();
  readonly #listeners = new Set<Listener>();

  tell(one: MeterOutcome): void {
    this.#latest.set(one.series.meter, one);
    if ('reading' in one.outcome) this.#learn(one.outcome.reading);
    for (const listener of this.#listeners) listener(one);
  }

  /** The newest of each meter since the collector's start. */
  latest(): MeterOutcome[] {
    return [...this.#latest.values()];
  }

  latestOf(meter: string): MeterOutcome | undefined {
    return this.#latest.get(meter);
  }

  /** Undefined before its first reading. */
  knownOf(meter: string): Known | undefined {
    return this.#known.get(meter);
  }

  /** @returns what ends it */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #learn({ series, timeMs, values }: Reading): void {
    const { meter, model } = series;
    const before = this.#known.get(meter);
    const known = before?.series.model === model ? before : { series, timeMs, values: new Map() };
    known.timeMs = timeMs;
    for (const [name, value] of Object.entries(values)) known.values.set(name, { value, timeMs });
    this.#known.set(meter, known);
  }
}
