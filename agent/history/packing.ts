import { writeVarint } from '../journal/packing.ts';
import { allOf, type Coverage, onePart, sameCoverage } from './coverage.ts';
import { type Level, partAt, partsOf } from './levels.ts';
import { type Counter, type Field, type Gauge, isExact, type Rollup, refine } from './rollup.ts';

/** A quantity of a packed roll-up: its name, whether it is a gauge or a counter, its decimals. */
export type PackedField = [name: string, kind: 'g' | 'c', decimals: number | null];

const MOST_BYTES_OF_FIELD = 80;
const MOST_BYTES_OF_HEAD = 40;

/** How the covered parts are written. */
const ALL_COVERED = 0;
const FIRST_COVERED = 1;
const LISTED = 2;

/** In the byte before a field that is not as its row. */
const OTHER_COUNT = 1;
const OTHER_TIMES = 2;
const OTHER_COUNTED = 4;

/** The layout that a roll-up is packed with; fields that whole numbers do not hold become float64. */
export function packedFields({ fields }: Rollup): PackedField[] {
  return [...fields].map(([name, field]) => {
    if (field.decimals !== null && !isExact(field)) refine(field, null);
    return [name, field.kind === 'gauge' ? 'g' : 'c', field.decimals];
  });
}

/**
 * A roll-up for the card, a minute of a WE-515 in about 130 bytes. Whole numbers are varints (journal/packing.ts). Head:
 * count; how the covered parts are written, and if they are listed two uint32; first reading since the period's start; last
 * since the first (ms). A bitmap, bit i set when field i has the row's count and times and, a counter, has counted last -
 * first. For each field, where its bit is not set, a byte that says what is different, and these numbers. Then of a gauge
 * min, max - min and, unless that is 0, sum - count * min and last - min; of a counter first and last - first. Without
 * decimals: float64 of min, max, sum and last; of first, last and counted.
 */
export function packRollup(rollup: Rollup, level: Level, startMs: number): Uint8Array {
  const fields = [...rollup.fields.values()];
  const out = Buffer.alloc(MOST_BYTES_OF_HEAD + fields.length * MOST_BYTES_OF_FIELD);
  let at = 0;
  const put = (n: number) => {
    at = writeVarint(out, at, n);
  };
  put(rollup.count);
  const how = coverageForm(rollup, level);
  out[at++] = how;
  if (how === LISTED) {
    at = out.writeUInt32LE(rollup.covered.low, at);
    at = out.writeUInt32LE(rollup.covered.high, at);
  }
  put(rollup.firstMs - startMs);
  put(rollup.lastMs - rollup.firstMs);
  const bitmap = at;
  at += Math.ceil(fields.length / 8);
  fields.forEach((field, i) => {
    const difference = differenceOf(field, rollup);
    if (difference === 0) out[bitmap + (i >> 3)] = (out[bitmap + (i >> 3)] ?? 0) | (1 << (i & 7));
    else {
      out[at++] = difference;
      if (difference & OTHER_COUNT) put(field.count);
      if (difference & OTHER_TIMES) {
        if (field.kind === 'counter') put(field.firstMs - startMs);
        put(field.lastMs - startMs);
      }
      if (difference & OTHER_COUNTED && field.kind === 'counter') {
        put(field.breaks);
        if (field.decimals !== null) put(field.counted);
      }
    }
    if (field.decimals === null) {
      for (const n of doublesOf(field)) at = out.writeDoubleLE(n, at);
    } else if (field.kind === 'counter') {
      put(field.first);
      put(field.last - field.first);
    } else {
      const { min, max, sum, last, count } = field;
      put(min);
      put(max - min);
      if (max === min) return;
      put(sum - count * min);
      put(last - min);
    }
  });
  return out.subarray(0, at);
}

function coverageForm({ covered, firstMs }: Rollup, level: Level): number {
  if (level === 'day' || sameCoverage(covered, allOf(partsOf(level)))) return ALL_COVERED;
  return sameCoverage(covered, partAt(level, firstMs)) ? FIRST_COVERED : LISTED;
}

function differenceOf(field: Field, row: Rollup): number {
  const counts = field.count === row.count ? 0 : OTHER_COUNT;
  const end = field.lastMs === row.lastMs ? 0 : OTHER_TIMES;
  if (field.kind === 'gauge') return counts | end;
  const begin = field.firstMs === row.firstMs ? 0 : OTHER_TIMES;
  const isPlain = field.breaks === 0 && (field.decimals === null || field.counted === field.last - field.first);
  return counts | end | begin | (isPlain ? 0 : OTHER_COUNTED);
}

const doublesOf = (field: Field) =>
  field.kind === 'gauge' ? [field.min, field.max, field.sum, field.last] : [field.first, field.last, field.counted];

/**
 * The reverse of packRollup().
 * @param wants quantities; the others are passed over. By default all.
 * @throws RangeError for bytes that are cut
 */
export function unpackRollup(
  layout: readonly PackedField[],
  data: Uint8Array,
  level: Level,
  startMs: number,
  wants?: ReadonlySet<string>,
): Rollup {
  const reader = new PackedReader(data);
  const count = reader.varint();
  const how = reader.byte();
  const listed = how === LISTED ? { low: reader.uint32(), high: reader.uint32() } : undefined;
  const firstMs = startMs + reader.varint();
  const lastMs = firstMs + reader.varint();
  const covered = listed ?? coveredBy(how, level, firstMs);
  const bitmap = reader.skip(Math.ceil(layout.length / 8));
  const row: Rollup = { count, firstMs, lastMs, covered, fields: new Map() };
  for (let i = 0; i < layout.length; i++) {
    const [name, kind, decimals] = layout[i] as PackedField;
    const isAsRow = (((data[bitmap + (i >> 3)] ?? 0) >> (i & 7)) & 1) === 1;
    const difference = isAsRow ? 0 : reader.byte();
    if (wants === undefined || wants.has(name)) {
      row.fields.set(name, readField(reader, { kind, decimals }, row, difference, startMs));
      if (row.fields.size === wants?.size) break;
    } else passOver(reader, kind, decimals, difference);
  }
  return row;
}

function passOver(reader: PackedReader, kind: 'g' | 'c', decimals: number | null, difference: number): void {
  if (difference & OTHER_COUNT) reader.varint();
  if (difference & OTHER_TIMES) reader.varint();
  if (difference & OTHER_TIMES && kind === 'c') reader.varint();
  if (difference & OTHER_COUNTED) reader.varint();
  if (difference & OTHER_COUNTED && decimals !== null) reader.varint();
  if (decimals === null) {
    reader.skip((kind === 'c' ? 3 : 4) * 8);
    return;
  }
  reader.varint();
  const range = reader.varint();
  if (kind === 'c' || range === 0) return;
  reader.varint();
  reader.varint();
}

function coveredBy(how: number, level: Level, firstMs: number): Coverage {
  if (level === 'day') return onePart(0);
  return how === ALL_COVERED ? allOf(partsOf(level)) : partAt(level, firstMs);
}

function readField(
  reader: PackedReader,
  { kind, decimals }: { kind: 'g' | 'c'; decimals: number | null },
  row: Rollup,
  difference: number,
  startMs: number,
): Field {
  const count = difference & OTHER_COUNT ? reader.varint() : row.count;
  const hasTimes = (difference & OTHER_TIMES) !== 0;
  const firstMs = hasTimes && kind === 'c' ? startMs + reader.varint() : row.firstMs;
  const lastMs = hasTimes ? startMs + reader.varint() : row.lastMs;
  const hasCounted = (difference & OTHER_COUNTED) !== 0;
  const breaks = hasCounted ? reader.varint() : 0;
  const counted = hasCounted && decimals !== null ? reader.varint() : undefined;
  if (kind === 'c') {
    const first = decimals === null ? reader.double() : reader.varint();
    const last = decimals === null ? reader.double() : first + reader.varint();
    const all = decimals === null ? reader.double() : (counted ?? last - first);
    const counter: Counter = { kind: 'counter', decimals, count, first, firstMs, last, lastMs, counted: all, breaks };
    return counter;
  }
  return { kind: 'gauge', decimals, count, lastMs, ...readGauge(reader, decimals, count) };
}

function readGauge(
  reader: PackedReader,
  decimals: number | null,
  count: number,
): Pick<Gauge, 'min' | 'max' | 'sum' | 'last'> {
  if (decimals === null) {
    return { min: reader.double(), max: reader.double(), sum: reader.double(), last: reader.double() };
  }
  const min = reader.varint();
  const range = reader.varint();
  if (range === 0) return { min, max: min, sum: min * count, last: min };
  return { min, max: min + range, sum: reader.varint() + count * min, last: reader.varint() + min };
}

class PackedReader {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  byte(): number {
    const byte = this.#data[this.#at++];
    if (byte === undefined) throw new RangeError('a packed roll-up that is cut');
    return byte;
  }

  varint(): number {
    let raw = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      raw += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
    }
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  uint32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.skip(8), true);
  }

  /** @returns where these bytes begin */
  skip(bytes: number): number {
    const from = this.#at;
    this.#at += bytes;
    if (this.#at > this.#data.length) throw new RangeError('a packed roll-up that is cut');
    return from;
  }
}
