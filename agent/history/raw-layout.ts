import type { LayoutField } from '../journal/packing.ts';
import { quantityKind } from '../readings/quantity.ts';
import { isEnergy } from './counting.ts';

/** What is to be known of each value of a packed reading while it is added up. */
export interface RawField extends LayoutField {
  isCounter: boolean;
  isEnergy: boolean;
}

export function rawFields(layout: readonly LayoutField[]): RawField[] {
  return layout.map(({ name, decimals }) => ({
    name,
    decimals,
    isCounter: quantityKind(name) === 'counter',
    isEnergy: isEnergy(name),
  }));
}

/** By the character's code. */
const NIBBLES = new Uint8Array(128);
for (let n = 0; n < 16; n++) {
  NIBBLES[n.toString(16).charCodeAt(0)] = n;
  NIBBLES[n.toString(16).toUpperCase().charCodeAt(0)] = n;
}

const DOUBLE = new DataView(new ArrayBuffer(8));

const byteAt = (hex: string, at: number) =>
  ((NIBBLES[hex.charCodeAt(at)] ?? 0) << 4) | (NIBBLES[hex.charCodeAt(at + 1)] ?? 0);

/**
 * Unpacks a reading (journal/packing.ts) without rounding back: whole numbers stay value * 10^decimals. As hex, because
 * node:sqlite makes an ArrayBuffer of each blob, which takes twice as long.
 * @param into gets a number for each field; NaN for one that is absent
 * @throws RangeError for a row that is cut
 */
export function unpackRaw(fields: readonly RawField[], hex: string, into: Float64Array): void {
  let at = Math.ceil(fields.length / 8) * 2;
  let bits = 0;
  for (let i = 0; i < fields.length; i++) {
    if ((i & 7) === 0) bits = byteAt(hex, i >> 2);
    if (((bits >> (i & 7)) & 1) === 0) {
      into[i] = Number.NaN;
      continue;
    }
    if (fields[i]?.decimals === null) {
      if (at + 16 > hex.length) throw new RangeError('a packed reading that is cut');
      for (let b = 0; b < 8; b++) DOUBLE.setUint8(b, byteAt(hex, at + 2 * b));
      into[i] = DOUBLE.getFloat64(0, true);
      at += 16;
      continue;
    }
    let raw = 0;
    let factor = 1;
    for (;;) {
      if (at >= hex.length) throw new RangeError('a packed reading that is cut');
      const byte = byteAt(hex, at);
      at += 2;
      raw += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) break;
    }
    into[i] = raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }
}
