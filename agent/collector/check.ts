import type { Values } from '../readings/reading.ts';

/** Something about a sample that cannot be true. */
export interface Problem {
  /** Name of the check, for counting. */
  check: string;
  /** What contradicts what, with values. */
  message: string;
}

/** Judges one sample by itself. Undefined: the sample lacks what it would look at, and so it says nothing. */
export type SampleCheck = (values: Values) => Problem[] | undefined;
