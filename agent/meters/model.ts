import type { Quantity } from '../readings/quantity.ts';
import type { Clue } from './identify.ts';

/** FC03 read holding registers, FC04 read input registers: two spaces, with addresses of their own. */
export type FunctionCode = 3 | 4;

/** u: unsigned, s: two's complement, float: IEEE 754; the number is that of bits. */
export type RegisterType = 'u16' | 's16' | 'u32' | 's32' | 'u64' | 's64' | 'float32' | 'float64';

/** Registers that a value of each type takes. */
export const TYPE_WORDS: Readonly<Record<RegisterType, 1 | 2 | 4>> = {
  u16: 1,
  s16: 1,
  u32: 2,
  s32: 2,
  u64: 4,
  s64: 4,
  float32: 2,
  float64: 4,
};

export const REGISTER_TYPES = Object.keys(TYPE_WORDS) as RegisterType[];

/** Which half stands first: high-first for both is ABCD, low-first words CDAB, low-first bytes BADC, both DCBA. */
export type Order = 'high-first' | 'low-first';

export const ORDERS: readonly Order[] = ['high-first', 'low-first'];

/** One quantity in a meter's register space. */
export interface Field {
  quantity: Quantity;
  functionCode: FunctionCode;
  /** As it goes over the wire, from 0; manuals may count from 1, or write 30001 and 40001. */
  address: number;
  words: 1 | 2 | 4;
  type: RegisterType;
  /** Of registers within a value. */
  wordOrder: Order;
  /** Of bytes within a register. */
  byteOrder: Order;
  /** Value of one raw step in the quantity's unit. */
  scale: number;
  /** Decimal places that the value is rounded to, and stored with. */
  decimals: number;
  /** Physically possible values; outside is noise or another register. */
  min: number;
  max: number;
}

/** How a meter leaves the factory. */
export interface SerialDefaults {
  baudRate: number;
  parity: 'none' | 'even' | 'odd';
  stopBits: 1 | 2;
  unit: number;
}

/** A meter as data: its registers and the limits that its readings must obey. */
export interface MeterModel {
  name: string;
  maker: string;
  /** For people: `OR-WE-515, one phase, 100 A, tariffs and clock`. */
  title: string;
  phases: 1 | 3;
  serial: SerialDefaults;
  fields: readonly Field[];
  /** Registers that the maker's table leaves unassigned between fields: where a block is likeliest to be refused. */
  unassigned: readonly number[];
  /** Greatest apparent power the meter can count, VA, all phases: the speed limit of its energy counters. */
  maxPowerVA: number;
  /** Most registers that it gives in one answer. */
  maxBlock: number;
  /** Silence on the line that it needs before a request, ms, whoever has spoken last; 0: the line's own is enough. */
  pauseMs: number;
  /** How long it may take to begin an answer, ms; undefined: the line's default is enough. */
  responseMs: number | undefined;
  /** What its registers hold when it is this meter, and not another one. */
  identify: readonly Clue[];
}

/** Modbus Application Protocol V1.1b3, 6.3: a read asks for 1 to 125 registers. */
export const MAX_REGISTERS = 125;

/** First register after the field. */
export function fieldEnd(field: Field): number {
  return field.address + field.words;
}
