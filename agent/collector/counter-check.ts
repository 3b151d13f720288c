import { quantityInfo } from '../readings/quantity.ts';
import type { Values } from '../readings/reading.ts';
import type { Problem } from './check.ts';

/** A stored reading, as far as its counters go. */
export interface Counted {
  timeMs: number;
  values: Values;
}

/** Each counter with its own time: not every sample has every counter. Undefined when that is not known. */
type Baseline = ReadonlyMap<string, { timeMs: number | undefined; value: number }>;

/** Samples in a row that must agree with each other before a jump is taken for another meter. */
const SAMPLES_TO_BELIEVE = 5;
/** How much may have been counted in a time that is not known: two months of a house, which takes a fiftieth of the most. */
const UNKNOWN_HOURS = 24;
/** Steps of the counter that rounding may add. */
const SLACK_STEPS = 2;

/**
 * Energy counters only grow, and no faster than the meter's largest power. A jump is a spike, unless the samples after it
 * go on from there: then the meter was replaced (or its counter reset), and counting starts anew from its value.
 */
export class CounterCheck {
  readonly #maxPowerVA: number;
  readonly #stepOf: (quantity: string, value: number) => number;
  #baseline: Baseline;
  #candidate: { counters: Baseline; samples: number } | undefined;

  /**
   * @param stepOf one step of a counter near a value, kWh or kvarh
   * @param last the latest stored readings, oldest first; together they have each counter
   */
  constructor(maxPowerVA: number, stepOf: (quantity: string, value: number) => number, last: readonly Counted[] = []) {
    this.#maxPowerVA = maxPowerVA;
    this.#stepOf = stepOf;
    this.#baseline = new Map(last.flatMap((reading) => [...countersOf(reading)]));
  }

  /** Forgets when the last samples were read. */
  doubtTime(): void {
    this.#baseline = new Map(
      [...this.#baseline].map(([quantity, { value }]) => [quantity, { timeMs: undefined, value }]),
    );
  }

  /** What contradicts the last accepted samples. */
  judge(values: Values, timeMs: number): Problem[] {
    return this.#contradictions(this.#baseline, countersOf({ timeMs, values }));
  }

  /** Takes the sample as the one to compare with. */
  accept(values: Values, timeMs: number): void {
    const now = countersOf({ timeMs, values });
    this.#baseline = new Map([...this.#baseline, ...now]);
    // A sample without the counters in question neither clears them of suspicion nor convicts them.
    if ([...now.keys()].some((quantity) => this.#candidate?.counters.has(quantity))) this.#candidate = undefined;
  }

  /**
   * A sample that was read twice and still contradicts the last accepted ones.
   * @returns the counters before, when this sample proves that another meter is counting now; it is then the one to compare
   * with
   */
  suspect(values: Values, timeMs: number): Values | undefined {
    const now = countersOf({ timeMs, values });
    const before = this.#candidate;
    const goesOn = before !== undefined && this.#contradictions(before.counters, now).length === 0;
    this.#candidate = {
      counters: new Map([...(goesOn ? before.counters : []), ...now]),
      samples: goesOn ? before.samples + 1 : 1,
    };
    if (this.#candidate.samples < SAMPLES_TO_BELIEVE) return undefined;
    const replaced = Object.fromEntries([...this.#baseline].map(([quantity, { value }]) => [quantity, value]));
    // Counters that are still to be read belong to the new meter as well: nothing is known of them.
    this.#baseline = this.#candidate.counters;
    this.#candidate = undefined;
    return replaced;
  }

  #contradictions(before: Baseline, now: Baseline): Problem[] {
    const problems: Problem[] = [];
    for (const [quantity, { timeMs, value }] of now) {
      const last = before.get(quantity);
      if (last === undefined) continue;
      const hours = hoursBetween(last.timeMs, timeMs);
      const most = (this.#maxPowerVA / 1000) * hours + SLACK_STEPS * this.#stepOf(quantity, value);
      if (value < last.value) {
        problems.push({ check: 'counter', message: `${quantity} fell from ${last.value} to ${value}` });
      } else if (value - last.value > most) {
        problems.push({
          check: 'counter',
          message: `${quantity} rose from ${last.value} to ${value}, possible is ${most.toFixed(2)} more`,
        });
      }
    }
    return problems;
  }
}

function countersOf({ timeMs, values }: Counted): Baseline {
  const entries = Object.entries(values).filter(([name]) => quantityInfo(name)?.kind === 'counter');
  return new Map(entries.map(([name, value]) => [name, { timeMs, value }]));
}

/** The last stored reading can lie ahead of a clock that was set back: that says nothing but that time has passed. */
function hoursBetween(beforeMs: number | undefined, nowMs: number | undefined): number {
  if (beforeMs === undefined || nowMs === undefined) return UNKNOWN_HOURS;
  return Math.abs(nowMs - beforeMs) / 3_600_000;
}
