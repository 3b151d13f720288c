/** A time that one of so many has taken alone is no measure. */
const SAMPLES = 3;
/** A share of what was the most lately goes with each new measurement. */
export const FORGETTING = 0.02;
/** The same of a meter that was left out for it, and is seldom measured. */
const LEFT_OUT_FORGETTING = 0.3;

/**
 * Line time of a meter's samples. One that was slow, as when the process was stalled, is no reason to leave the meter out: who
 * is left out is not measured again, and would stay out for minutes.
 */
export class SampleTime {
  #lastMs: number[] = [];
  #isLeftOut = false;
  /** The most lately, ms; undefined until one was read whole. */
  ms: number | undefined;

  /** There was no turn for its point. */
  leftOut(): void {
    this.#isLeftOut = true;
  }

  /** A sample was read whole. */
  took(usedMs: number): void {
    this.#lastMs = [...this.#lastMs, usedMs].slice(-SAMPLES);
    const usualMs = this.#lastMs.toSorted((a, b) => a - b)[Math.floor((this.#lastMs.length - 1) / 2)] ?? usedMs;
    this.ms = Math.max(usualMs, (this.ms ?? 0) * (1 - (this.#isLeftOut ? LEFT_OUT_FORGETTING : FORGETTING)));
    this.#isLeftOut = false;
  }
}
