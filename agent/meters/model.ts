import type { Quantity } from '../readings/quantity.ts';

/** One quantity in a meter's register space. Big-endian registers, high word first. */
export interface Field {
  quantity: Quantity;
  address: number;
  words: 1 | 2;
  signed: boolean;
  /** Value of one raw step is 10^-decimals in the quantity's unit. */
  decimals: number;
  /** Physically possible values; outside is noise or another register. */
  min: number;
  max: number;
}

/** A meter as data: its registers and the limits that its readings must obey. */
export interface MeterModel {
  name: string;
  /** FC03 read holding registers, FC04 read input registers. */
  functionCode: 3 | 4;
  fields: readonly Field[];
  /** Registers that the maker's table leaves unassigned between fields: where a block is likeliest to be refused. */
  unassigned: readonly number[];
  /** Greatest apparent power the meter can count, VA: the speed limit of its energy counters. */
  maxPowerVA: number;
}

/** First register after the field. */
export function fieldEnd(field: Field): number {
  return field.address + field.words;
}
