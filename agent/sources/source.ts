import type { GapCause, Series, Values } from '../readings/reading.ts';
import { AgentError } from '../system/errors.ts';

/** What one sample yielded, before any guard has judged it. */
export interface Sample {
  values: Values;
  /** What came over the wire, for the log of a suspicious sample. */
  raw: string;
}

/** Anything that yields readings on a grid. */
export interface Source {
  readonly series: Series;
  /** Decimal places that each quantity is exact to; the journal packs by them. */
  readonly decimals: Readonly<Record<string, number>>;
  /** How long a sample of everything takes at least, ms. */
  leastMs?(): number;
  /**
   * Takes one sample.
   * @param deadlineMs on performance.now()'s scale; the result, or the error, comes before it
   * @param resting quantities that are not read this time
   * @throws SampleError
   */
  sample(deadlineMs: number, resting?: ReadonlySet<string>): Promise<Sample>;
}

/** A sample that could not be had: its second becomes a gap of this cause. */
export class SampleError extends AgentError {
  readonly gapCause: GapCause;
  readonly raw: string;

  constructor(gapCause: GapCause, message: string, details: { raw?: string; hint?: string; cause?: unknown } = {}) {
    super('unavailable', message, {
      retryable: true,
      cause: details.cause,
      ...(details.hint === undefined ? {} : { hint: details.hint }),
    });
    this.gapCause = gapCause;
    this.raw = details.raw ?? '';
  }
}

/** Small things that outlive a restart, such as what a meter accepts. Values are JSON. */
export interface Memory {
  load(key: string): unknown;
  save(key: string, value: unknown): void;
}
