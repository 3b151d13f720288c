import { crc32 } from 'node:zlib';
import type { Reading, Series, Values } from '../readings/reading.ts';
import { formatLayout, type LayoutField, layoutOf, pack, unpack } from './packing.ts';

/**
 * Last field of the layouts whose readings end with a checksum. Its bit in the bitmap is never set: who does not know it
 * passes it over.
 */
const SEAL: LayoutField = { name: '', decimals: 32 };
const SEAL_BYTES = 4;

/** Where a reading belongs. */
export type Place = Pick<Reading, 'series' | 'timeMs'>;

/**
 * A reading packed for the card with a CRC-32, because SQLite's pages have none: a bit that flips in a value, its time, its
 * series or the names of its fields is noticed when it is read. Over what the ids stand for and not over the ids, so that a
 * reading can be copied into another journal as it is.
 */
export function seal(reading: Reading, decimals: Readonly<Record<string, number>>) {
  return sealAs(reading, layoutOf(reading.values, decimals));
}

/** The same, with these fields of it. */
export function sealAs(reading: Reading, fields: readonly LayoutField[]): { layout: LayoutField[]; data: Uint8Array } {
  const layout = [...fields, SEAL];
  const packed = pack(layout, reading.values);
  const data = Buffer.allocUnsafe(packed.length + SEAL_BYTES);
  data.set(packed);
  data.writeUInt32LE(checksum(reading, layout, packed), packed.length);
  return { layout, data };
}

/** @throws RangeError when the bytes are not those that were written for this place and layout */
export function unseal(place: Place, layout: LayoutField[], data: Uint8Array): Values {
  if (!isSealed(layout)) return unpack(layout, data);
  const end = data.byteLength - SEAL_BYTES;
  const packed = Buffer.from(data.buffer, data.byteOffset, Math.max(0, end));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (end < 0 || view.getUint32(end, true) !== checksum(place, layout, packed)) throw mismatch();
  return unpack(layout, packed);
}

/** More than the longest reading. */
const scratch = Buffer.alloc(65_536);

/**
 * Looks at the checksum alone, for who unpacks many readings by himself.
 * @param hex the bytes
 * @throws RangeError when they are not those that were written for this place and layout
 */
export function requireSeal(place: Place, layout: LayoutField[], hex: string): void {
  if (!isSealed(layout)) return;
  const end = scratch.write(hex, 'hex') - SEAL_BYTES;
  if (end < 0 || scratch.readUInt32LE(end) !== checksum(place, layout, scratch.subarray(0, end))) throw mismatch();
}

const mismatch = () => new RangeError('its checksum does not match');

/** Journals of before have readings without a checksum. */
export function isSealed(layout: readonly LayoutField[]): boolean {
  return layout.at(-1)?.name === SEAL.name;
}

const seeds = new WeakMap<Series, WeakMap<readonly LayoutField[], number>>();
const time = Buffer.alloc(8);

function checksum({ series, timeMs }: Place, layout: readonly LayoutField[], packed: Uint8Array): number {
  time.writeDoubleLE(timeMs);
  return crc32(packed, crc32(time, seedOf(series, layout)));
}

function seedOf(series: Series, layout: readonly LayoutField[]): number {
  let ofSeries = seeds.get(series);
  if (!ofSeries) {
    ofSeries = new WeakMap();
    seeds.set(series, ofSeries);
  }
  let seed = ofSeries.get(layout);
  if (seed === undefined) {
    seed = crc32(JSON.stringify([series.measurement, series.meter, series.model, formatLayout(layout)]));
    ofSeries.set(layout, seed);
  }
  return seed;
}
