import type { Gap } from '../readings/reading.ts';
import { type LayoutField, parseLayout } from './packing.ts';

const ROW_HEADER_BYTES = 12;

/** The first line of a segment (segment.ts). */
export interface SegmentHead {
  /** UTC ms. */
  from: number;
  /** UTC ms, excluded. */
  to: number;
  /** Id, measurement, meter, model. */
  series: [number, string, string, string][];
  /** Id, LayoutField pairs as JSON. */
  layouts: [number, string][];
  /** Series, from ms, to ms, cause. */
  gaps: [number, number, number, Gap['cause']][];
}

/** A packed reading of a segment. */
export interface SegmentRow {
  timeMs: number;
  /** Ids of the head. */
  series: number;
  layout: number;
  data: Buffer;
}

/**
 * What is in a segment of the journal.
 * @param bytes all of it
 * @throws RangeError or SyntaxError when it is cut or is none
 */
export function readSegment(bytes: Buffer): { head: SegmentHead; rows: () => Generator<SegmentRow> } {
  const end = bytes.indexOf(10);
  const head = JSON.parse(bytes.subarray(0, Math.max(0, end)).toString()) as SegmentHead;
  return {
    head,
    *rows() {
      for (let at = end + 1; at < bytes.length; ) {
        const length = bytes.readUInt16LE(at + 10);
        const next = at + ROW_HEADER_BYTES + length;
        if (next > bytes.length) throw new RangeError('a segment that is cut');
        yield {
          timeMs: head.from + bytes.readUIntLE(at, 6),
          series: bytes.readUInt16LE(at + 6),
          layout: bytes.readUInt16LE(at + 8),
          data: bytes.subarray(at + ROW_HEADER_BYTES, next),
        };
        at = next;
      }
    },
  };
}

/** The fields of a layout of the head. @throws RangeError when there is none such */
export function layoutFields({ layouts }: SegmentHead, id: number): LayoutField[] {
  const text = layouts.find(([known]) => known === id)?.[1];
  if (text === undefined) throw new RangeError(`a segment without its layout ${id}`);
  return parseLayout(text);
}

/** Readings of a segment, by measurement. @throws RangeError or SyntaxError when it is cut or is none */
export function countSegment(bytes: Buffer): Record<string, number> {
  const { head, rows } = readSegment(bytes);
  const measurements = new Map(head.series.map(([id, measurement]) => [id, measurement]));
  const counts: Record<string, number> = {};
  for (const { series } of rows()) {
    const measurement = measurements.get(series);
    if (measurement === undefined) throw new RangeError(`a segment without its series ${series}`);
    counts[measurement] = (counts[measurement] ?? 0) + 1;
  }
  return counts;
}
