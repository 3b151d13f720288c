import type { GapCause, Series } from '../readings/reading.ts';
import { type Entry, heldOf, heldTuple } from './entry.ts';

/** What entries of one kind and series have in common: said once a batch. Without `n` its entries are gaps. */
interface Layout {
  /** Measurement, meter, model. */
  s: [string, string, string];
  /** Value names, and the decimals of those that have some. */
  n?: string[];
  d?: Readonly<Record<string, number>>;
  /** Of entries that are held (entry.ts). */
  h?: [string, number, number, number?];
}

/** A reading is [layout, time, values ...], a gap [layout, from, to, cause]. */
type Row = [number, number, ...number[]] | [number, number, number, GapCause];

interface Batch {
  layouts: Layout[];
  rows: Row[];
}

/**
 * Entries in their order as JSON, a WE-515 reading in about 130 bytes. Not compressed: a flush of one meter fits a page as it
 * is, and each synchronous call of zlib costs about 40 kB that stay until the next garbage collection.
 */
export function packBatch(entries: readonly Entry[]): Buffer {
  const batch: Batch = { layouts: [], rows: [] };
  const indexes = new Map<string, number>();
  const indexOf = (layout: Layout) => {
    const key = JSON.stringify(layout);
    let index = indexes.get(key);
    if (index === undefined) {
      index = batch.layouts.push(layout) - 1;
      indexes.set(key, index);
    }
    return index;
  };
  for (const entry of entries) {
    const h = entry.held && { h: heldTuple(entry.held) };
    if (entry.kind === 'gap') {
      const { series, fromMs, toMs, cause } = entry.gap;
      batch.rows.push([indexOf({ s: tuple(series), ...h }), fromMs, toMs, cause]);
    } else {
      const { series, timeMs, values } = entry.reading;
      const layout = { s: tuple(series), n: Object.keys(values), d: entry.decimals, ...h };
      batch.rows.push([indexOf(layout), timeMs, ...Object.values(values)]);
    }
  }
  return Buffer.from(JSON.stringify(batch));
}

/** @returns undefined for bytes that are no batch, such as one of another version */
export function unpackBatch(bytes: Buffer): Entry[] | undefined {
  let batch: Batch;
  try {
    batch = JSON.parse(bytes.toString()) as Batch;
  } catch {
    return undefined;
  }
  const { layouts, rows } = batch;
  return rows.flatMap((row): Entry[] => {
    const layout = layouts[row[0]];
    if (!layout) return [];
    const [measurement, meter, model] = layout.s;
    const series = { measurement, meter, model };
    const held = heldOf(layout.h);
    if (!layout.n) {
      const [, fromMs, toMs, cause] = row as [number, number, number, GapCause];
      return [{ kind: 'gap', gap: { series, fromMs, toMs, cause }, ...held }];
    }
    const [, timeMs, ...numbers] = row as [number, number, ...number[]];
    const values = Object.fromEntries(layout.n.map((name, i) => [name, numbers[i] ?? Number.NaN]));
    return [{ kind: 'reading', reading: { series, timeMs, values }, decimals: layout.d ?? {}, ...held }];
  });
}

function tuple({ measurement, meter, model }: Series): [string, string, string] {
  return [measurement, meter, model];
}
