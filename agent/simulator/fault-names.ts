/** What can go wrong with a reply, or with the line. */
export const FAULTS = [
  'late',
  'double',
  'truncate',
  'crc',
  'noise',
  'echo',
  'silence',
  'exception',
  'wrong-unit',
  'leading-zero',
  'unplug',
] as const;

export type Fault = (typeof FAULTS)[number];

/** Chance of each fault for one reply, 0 to 1. */
export type FaultRates = Partial<Record<Fault, number>>;

/** Those that a Modbus TCP gateway can pass on: it checks the CRC on its serial side, and TCP keeps the bytes in order. */
export const TCP_FAULTS: readonly Fault[] = ['late', 'double', 'silence', 'exception', 'wrong-unit', 'unplug'];
