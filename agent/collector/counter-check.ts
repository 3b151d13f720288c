import { quantityInfo } from '../readings/quantity.ts';
import type { Values } from '../readings/reading.ts';
import type { Problem } from './check.ts';

interface Baseline {
  /** Undefined when how long ago that was is not known. */
  timeMs: number | undefined;
  values: Values;
}

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
  readonly #step: number;
  #baseline: Baseline | undefined;
  #candidate: (Baseline & { samples: number }) | undefined;

  /** @param step one step of the counters, kWh or kvarh */
  constructor(maxPowerVA: number, step: number, last?: Baseline) {
    this.#maxPowerVA = maxPowerVA;
    this.#step = step;
    this.#baseline = last && { timeMs: last.timeMs, values: counters(last.values) };
  }

  /** Forgets when the last sample was read. */
  doubtTime(): void {
    if (this.#baseline) this.#baseline.timeMs = undefined;
  }

  /** What contradicts the last accepted sample. */
  judge(values: Values, timeMs: number): Problem[] {
    return this.#baseline ? this.#contradictions(this.#baseline, counters(values), timeMs) : [];
  }

  /** Takes the sample as the one to compare with. */
  accept(values: Values, timeMs: number): void {
    this.#baseline = { timeMs, values: { ...this.#baseline?.values, ...counters(values) } };
    this.#candidate = undefined;
  }

  /**
   * A sample that was read twice and still contradicts the last accepted one.
   * @returns the counters before, when this sample proves that another meter is counting now
   */
  suspect(values: Values, timeMs: number): Values | undefined {
    const now = counters(values);
    const goesOn = this.#candidate && this.#contradictions(this.#candidate, now, timeMs).length === 0;
    this.#candidate = { timeMs, values: now, samples: goesOn ? (this.#candidate?.samples ?? 0) + 1 : 1 };
    return this.#candidate.samples >= SAMPLES_TO_BELIEVE ? this.#baseline?.values : undefined;
  }

  #contradictions(before: Baseline, now: Values, timeMs: number): Problem[] {
    // The last stored reading can lie ahead of a clock that was set back: that says nothing but that time has passed.
    const hours = before.timeMs === undefined ? UNKNOWN_HOURS : Math.abs(timeMs - before.timeMs) / 3_600_000;
    const most = (this.#maxPowerVA / 1000) * hours + SLACK_STEPS * this.#step;
    const problems: Problem[] = [];
    for (const [quantity, value] of Object.entries(now)) {
      const last = before.values[quantity];
      if (last === undefined) continue;
      if (value < last) problems.push({ check: 'counter', message: `${quantity} fell from ${last} to ${value}` });
      else if (value - last > most) {
        problems.push({
          check: 'counter',
          message: `${quantity} rose from ${last} to ${value}, possible is ${most.toFixed(2)} more`,
        });
      }
    }
    return problems;
  }
}

function counters(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => quantityInfo(name)?.kind === 'counter'));
}
