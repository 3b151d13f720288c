import type { Values } from '../readings/reading.ts';

/**
 * Quantities that are read less often than each point of the grid. Their slots are whole multiples of their interval in
 * wall-clock time; in each the first sample that is good has them, so that a gap costs no more than its own seconds.
 */
export class Schedule {
  readonly #intervals: ReadonlyMap<string, number>;
  readonly #takenMs = new Map<string, number>();

  /** @param intervals ms by quantity; what is not in it is read each time */
  constructor(intervals: ReadonlyMap<string, number> = new Map()) {
    this.#intervals = intervals;
  }

  /** Quantities that the slot of this time has already. */
  resting(timeMs: number): ReadonlySet<string> {
    const resting = new Set<string>();
    for (const [quantity, intervalMs] of this.#intervals) {
      const takenMs = this.#takenMs.get(quantity);
      // Unequal, not later: a clock that was set back begins slots anew.
      if (takenMs !== undefined && slotOf(takenMs, intervalMs) === slotOf(timeMs, intervalMs)) resting.add(quantity);
    }
    return resting;
  }

  /** These values are stored. */
  taken(values: Values, timeMs: number): void {
    for (const quantity of this.#intervals.keys()) if (quantity in values) this.#takenMs.set(quantity, timeMs);
  }
}

const slotOf = (timeMs: number, intervalMs: number): number => Math.floor(timeMs / intervalMs);
