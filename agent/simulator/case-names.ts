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

/** What Modbus TCP carries: no bytes that are damaged on the way, and no settings of a line. */
export const CASES_OVER_TCP: readonly Case[] = ['silent', 'other-unit', 'slow'];

/** A transparent serial server passes bytes on; how the reader is set, it does not know. */
export const CASES_OVER_RTU: readonly Case[] = CASES.filter(
  (name) => !['other-baud', 'other-parity', 'any-parity', 'dead-adapter'].includes(name),
);
