import type { Quantity } from '../readings/quantity.ts';
import { type Limits, rangeOf } from './limits.ts';
import { type Field, type FunctionCode, type RegisterType, TYPE_WORDS } from './model.ts';

/** What the registers of a maker's table have in common. */
export interface Space {
  functionCode: FunctionCode;
  limits: Limits;
}

/** How a value lies there, where not as u16. */
export interface Encoding {
  type: RegisterType;
  /** Value of one raw step is this power of ten, in the quantity's unit. */
  exponent: number;
  /** Decimal places of the value; those of the exponent without it. */
  decimals?: number;
}

/** One row of a maker's table. All meters that are known here put the high word and the high byte first. */
export function register(space: Space, encoding: Encoding, quantity: Quantity, address: number): Field {
  const { type, exponent, decimals = Math.max(0, -exponent) } = encoding;
  return {
    quantity,
    functionCode: space.functionCode,
    address,
    words: TYPE_WORDS[type],
    type,
    wordOrder: 'high-first',
    byteOrder: 'high-first',
    // 1e-2 is the double nearest to 0.01; 10 ** -2 is not for every power.
    scale: Number(`1e${exponent}`),
    decimals,
    ...rangeOf(quantity, space.limits),
  };
}

/** Rows that follow one another without holes, each of the same encoding. */
export function registersFrom(
  space: Space,
  encoding: Encoding,
  address: number,
  quantities: readonly Quantity[],
): Field[] {
  const words = TYPE_WORDS[encoding.type];
  return quantities.map((quantity, i) => register(space, encoding, quantity, address + i * words));
}
