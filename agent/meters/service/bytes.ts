import type { ByteField, Digits } from './tables.ts';

/** Of the fields of an entry; `zero` has none. */
export type Entry = Partial<Record<ByteField, number>>;

/** The number in a byte; undefined for one that holds no two digits. */
function numberOf(byte: number, digits: Digits): number | undefined {
  if (digits === 'binary') return byte;
  const [tens, ones] = [byte >> 4, byte & 0x0f];
  return tens > 9 || ones > 9 ? undefined : tens * 10 + ones;
}

const byteOf = (number: number, digits: Digits): number =>
  digits === 'binary' ? number : (Math.floor(number / 10) << 4) | (number % 10);

/** What the bytes hold; undefined where digits are none. */
export function decodeEntry(fields: readonly ByteField[], digits: Digits, bytes: Buffer): Entry | undefined {
  const entry: Entry = {};
  for (const [i, field] of fields.entries()) {
    if (field === 'zero') continue;
    const number = numberOf(bytes[i] ?? 0, digits);
    if (number === undefined) return undefined;
    entry[field] = number;
  }
  return entry;
}

/** The inverse of decodeEntry; what the entry lacks is 0. */
export function encodeEntry(fields: readonly ByteField[], digits: Digits, entry: Entry): Buffer {
  return Buffer.from(fields.map((field) => (field === 'zero' ? 0 : byteOf(entry[field] ?? 0, digits))));
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Is there such a day in some year? */
export function isDate(month: number, day: number): boolean {
  return day >= 1 && day <= (DAYS[month - 1] ?? 0);
}
