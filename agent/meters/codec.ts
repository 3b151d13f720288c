import type { Values } from '../readings/reading.ts';
import type { Field, Order, RegisterType } from './model.ts';
import { TYPE_WORDS } from './model.ts';

/** How a value lies in its registers. */
export interface Layout {
  type: RegisterType;
  wordOrder: Order;
  byteOrder: Order;
}

const READ: Readonly<Record<RegisterType, (bytes: Buffer) => number>> = {
  u16: (bytes) => bytes.readUInt16BE(),
  s16: (bytes) => bytes.readInt16BE(),
  u32: (bytes) => bytes.readUInt32BE(),
  s32: (bytes) => bytes.readInt32BE(),
  u64: (bytes) => Number(bytes.readBigUInt64BE()),
  s64: (bytes) => Number(bytes.readBigInt64BE()),
  float32: (bytes) => bytes.readFloatBE(),
  float64: (bytes) => bytes.readDoubleBE(),
};

const whole = (raw: number, least: number, most: number) => Math.min(Math.max(Math.round(raw), least), most);

/** What is too large for a type is the largest that it holds, as in a meter. */
const WRITE: Readonly<Record<RegisterType, (bytes: Buffer, raw: number) => void>> = {
  u16: (bytes, raw) => bytes.writeUInt16BE(whole(raw, 0, 2 ** 16 - 1)),
  s16: (bytes, raw) => bytes.writeInt16BE(whole(raw, -(2 ** 15), 2 ** 15 - 1)),
  u32: (bytes, raw) => bytes.writeUInt32BE(whole(raw, 0, 2 ** 32 - 1)),
  s32: (bytes, raw) => bytes.writeInt32BE(whole(raw, -(2 ** 31), 2 ** 31 - 1)),
  u64: (bytes, raw) => bytes.writeBigUInt64BE(BigInt(whole(raw, 0, Number.MAX_SAFE_INTEGER))),
  s64: (bytes, raw) => bytes.writeBigInt64BE(BigInt(whole(raw, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))),
  float32: (bytes, raw) => bytes.writeFloatBE(raw),
  float64: (bytes, raw) => bytes.writeDoubleBE(raw),
};

/** Bytes in the order that the line has, from those with the highest first, and back: both ways it is the same. */
function reordered({ wordOrder, byteOrder }: Layout, registers: Buffer): Buffer {
  if (wordOrder === 'high-first' && byteOrder === 'high-first') return registers;
  const bytes = Buffer.from(registers);
  if (wordOrder !== byteOrder) bytes.swap16();
  // All bytes turned round turns both the words and what is in them.
  return wordOrder === 'low-first' ? bytes.reverse() : bytes;
}

/** The number as it lies in the registers, before any scale. */
export function decodeRaw(layout: Layout, registers: Buffer): number {
  return READ[layout.type](reordered(layout, registers.subarray(0, TYPE_WORDS[layout.type] * 2)));
}

/** The registers of a raw number; the inverse of decodeRaw. */
export function encodeRaw(layout: Layout, raw: number): Buffer {
  const bytes = Buffer.alloc(TYPE_WORDS[layout.type] * 2);
  WRITE[layout.type](bytes, raw);
  return reordered(layout, bytes);
}

/** A decimal fraction is no binary one: dividing by 100, not multiplying by 0.01, gives the double nearest to it. */
function rounded(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  const steps = Math.round(value * factor);
  return steps === 0 ? 0 : steps / factor;
}

/** The value of a field, rounded to its decimals; NaN or infinite when the registers hold that. */
export function decodeField(field: Field, registers: Buffer, firstAddress: number): number {
  const raw = decodeRaw(field, registers.subarray((field.address - firstAddress) * 2));
  return rounded(raw * field.scale, field.decimals);
}

/**
 * Values of the fields inside one block of registers.
 * @param registers two bytes a register, as they came, the first of them at `firstAddress`
 */
export function decodeBlock(fields: readonly Field[], registers: Buffer, firstAddress: number): Values {
  const values: Values = {};
  for (const field of fields) values[field.quantity] = decodeField(field, registers, firstAddress);
  return values;
}

/** The inverse of decodeField, for the virtual meter: writes one value into a register image. */
export function encodeField(field: Field, value: number, registers: Buffer, firstAddress: number): void {
  encodeRaw(field, value / field.scale).copy(registers, (field.address - firstAddress) * 2);
}

/** The least step that the field can show near a value, in the quantity's unit: that of a float grows with it. */
export function resolutionAt(field: Field, value: number): number {
  const least = Math.max(10 ** -field.decimals, field.type.startsWith('float') ? 0 : Math.abs(field.scale));
  if (field.type !== 'float32' || value === 0) return least;
  const FRACTION_BITS = 23;
  return Math.max(
    least,
    Math.abs(field.scale) * 2 ** (Math.floor(Math.log2(Math.abs(value / field.scale))) - FRACTION_BITS),
  );
}
