/** States of a line and its adapter, each of which a doctor has to tell from the others. */
export const CASES = [
  'silent',
  'swapped',
  'other-baud',
  'other-parity',
  'any-parity',
  'other-unit',
  'noise',
  'no-termination',
  'two-meters',
  'other-master',
  'echo',
  'slow',
  'dead-adapter',
] as const;

export type Case = (typeof CASES)[number];
