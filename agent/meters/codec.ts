import type { Values } from '../readings/reading.ts';
import type { Field } from './model.ts';

/** Rounded to the field's resolution; dividing (not multiplying by 0.01) gives the double nearest to the decimal. */
export function decodeField(field: Field, registers: Buffer, firstAddress: number): number {
  const offset = (field.address - firstAddress) * 2;
  const raw =
    field.words === 1
      ? field.signed
        ? registers.readInt16BE(offset)
        : registers.readUInt16BE(offset)
      : field.signed
        ? registers.readInt32BE(offset)
        : registers.readUInt32BE(offset);
  return raw / 10 ** field.decimals;
}

/**
 * Values of the fields inside one block of registers.
 * @param registers two bytes a register, big-endian, the first of them at `firstAddress`
 */
export function decodeBlock(fields: readonly Field[], registers: Buffer, firstAddress: number): Values {
  const values: Values = {};
  for (const field of fields) values[field.quantity] = decodeField(field, registers, firstAddress);
  return values;
}

/** The inverse of decodeField, for the virtual meter: writes one value into a register image. */
export function encodeField(field: Field, value: number, registers: Buffer, firstAddress: number): void {
  const offset = (field.address - firstAddress) * 2;
  const raw = Math.round(value * 10 ** field.decimals);
  if (field.words === 1) {
    if (field.signed) registers.writeInt16BE(raw, offset);
    else registers.writeUInt16BE(raw, offset);
  } else if (field.signed) registers.writeInt32BE(raw, offset);
  else registers.writeUInt32BE(raw, offset);
}
