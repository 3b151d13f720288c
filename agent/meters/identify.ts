import { decodeRaw } from './codec.ts';
import type { FunctionCode, RegisterType } from './model.ts';
import { TYPE_WORDS } from './model.ts';

/**
 * A register whose content speaks for a model. High word and byte first, as in all meters that are known.
 * unit: the address that the meter answers to. baudRates: the code of the line's rate, by rate. between: a quantity that
 * is always there, such as the frequency. oneOf: the maker's number of the model.
 */
export interface Clue {
  functionCode: FunctionCode;
  address: number;
  type: RegisterType;
  /** Bits that count, where a register holds two things; all without it. */
  mask?: number;
  holds:
    | { unit: true }
    | { baudRates: Readonly<Record<number, number>> }
    | { between: readonly [number, number] }
    | { oneOf: readonly number[] };
  /** Speaks for the model where it holds; where not, it says nothing: seen in one source only, or not in each meter. */
  bonus?: true;
}

/** How the meter was reached that answers. */
export interface Reached {
  unit: number;
  baudRate: number;
}

/** Registers of a clue. */
export function clueWords(clue: Clue): number {
  return TYPE_WORDS[clue.type];
}

/**
 * Does what was read speak for the model?
 * @param registers of the clue, two bytes each, as they came
 */
export function clueHolds(clue: Clue, registers: Buffer, reached: Reached): boolean {
  const raw = decodeRaw({ ...clue, wordOrder: 'high-first', byteOrder: 'high-first' }, registers);
  const value = clue.mask === undefined ? raw : raw & clue.mask;
  if ('unit' in clue.holds) return value === reached.unit;
  if ('baudRates' in clue.holds) return value === clue.holds.baudRates[reached.baudRate];
  if ('oneOf' in clue.holds) return clue.holds.oneOf.includes(value);
  const [least, most] = clue.holds.between;
  return value >= least && value <= most;
}
