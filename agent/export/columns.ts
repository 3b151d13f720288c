import { QUANTITIES } from '../readings/quantity.ts';

const NAMES = Object.keys(QUANTITIES);

/** Columns that every file has, in their order: those of a meter with one phase, and of its samples. */
const USUAL = NAMES.slice(0, NAMES.indexOf('duration') + 1);

/** Columns for readings with these values; phases and directions have some only where there are such readings. */
export function columnsFor(present: Iterable<string>): string[] {
  const known = new Set(present);
  return NAMES.filter((name) => USUAL.includes(name) || known.has(name));
}
