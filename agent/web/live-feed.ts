import type { Outcome } from '../collector/meter-loop.ts';
import type { Series } from '../readings/reading.ts';

/** What became of a point of a meter's grid. */
export interface MeterOutcome {
  series: Series;
  outcome: Outcome;
}

type Listener = (outcome: MeterOutcome) => void;

/** What the collector has just read or missed, as it tells it. */
export class LiveFeed {
  readonly #latest = new Map<string, MeterOutcome>();
  readonly #listeners = new Set<Listener>();

  tell(one: MeterOutcome): void {
    this.#latest.set(one.series.meter, one);
    for (const listener of this.#listeners) listener(one);
  }

  /** The newest of each meter since the collector's start. */
  latest(): MeterOutcome[] {
    return [...this.#latest.values()];
  }

  latestOf(meter: string): MeterOutcome | undefined {
    return this.#latest.get(meter);
  }

  /** A meter that left the configuration. */
  keepOnly(meters: readonly string[]): void {
    for (const meter of this.#latest.keys()) if (!meters.includes(meter)) this.#latest.delete(meter);
  }

  /** @returns what ends it */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
