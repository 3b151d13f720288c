import { GAP_CAUSES, type GapCause, type Series } from '../../readings/reading.ts';
import { SERIES_SLOTS } from '../keys.ts';
import { parseLayout } from '../packing.ts';
import type { Cell } from './page.ts';
import { type Column, decodeRecord } from './record.ts';

/** A row of one of the journal's tables, by what it looks like: a page does not say to which table it belongs. */
export type Found =
  | { kind: 'reading'; key: number; layout: number; data: Uint8Array }
  | { kind: 'gap'; series: number; fromMs: number; toMs: number; cause: GapCause }
  | { kind: 'layout'; id: number; fields: string }
  | { kind: 'series'; id: number; series: Series }
  | { kind: 'consumer'; consumer: string; generation: number }
  | { kind: 'state'; key: string; value: string }
  | { kind: 'held'; boot: string; offset: number; time: number; entry: string }
  | { kind: 'refused'; consumer: string; key: number; line: string; reason: string; refusedMs: number };

const CAUSES: readonly string[] = GAP_CAUSES;

/**
 * What a cell of a page holds, with the copies of layouts and series that their indexes have.
 * @returns `other` for a row of a table that need not be salvaged, undefined for bytes that are no row
 */
export function findRow({ rowid, payload }: Cell): Found | 'other' | undefined {
  const columns = decodeRecord(payload);
  if (!columns || columns.length === 0 || columns.some(Number.isNaN)) return undefined;
  return rowid === undefined ? inIndex(columns) : inTable(rowid, columns);
}

function inTable(rowid: number, columns: Column[]): Found | 'other' {
  const [first, second, third, fourth, fifth] = columns;
  if (columns.length === 3 && first === null && isId(second) && third instanceof Uint8Array) {
    return { kind: 'reading', key: rowid, layout: second, data: third };
  }
  if (columns.length === 2 && first === null && isLayout(second)) return { kind: 'layout', id: rowid, fields: second };
  if (columns.length === 2 && isText(first) && isText(second)) return { kind: 'state', key: first, value: second };
  if (columns.length === 4 && first === null) return seriesOf(rowid, second, third, fourth);
  if (first === null && isText(second) && typeof third === 'number' && isWhole(fourth) && isText(fifth)) {
    return { kind: 'held', boot: second, offset: third, time: fourth, entry: fifth };
  }
  if (isText(first) && isWhole(second) && isWhole(third) && (columns.length === 3 || isWhole(fourth))) {
    return { kind: 'consumer', consumer: first, generation: Number(fourth ?? 0) };
  }
  return 'other';
}

function inIndex(columns: Column[]): Found | 'other' {
  const [first, second, third, fourth, fifth] = columns;
  if (columns.length === 2 && isLayout(first) && isId(second)) return { kind: 'layout', id: second, fields: first };
  if (columns.length === 4 && isText(first) && isId(fourth)) return seriesOf(fourth, first, second, third);
  if (columns.length === 4 && isId(first) && isWhole(second) && isWhole(third) && isCause(fourth)) {
    return { kind: 'gap', series: first, fromMs: second, toMs: third, cause: fourth };
  }
  if (isText(first) && isWhole(second) && isText(third) && isText(fourth) && isWhole(fifth)) {
    return { kind: 'refused', consumer: first, key: second, line: third, reason: fourth, refusedMs: fifth };
  }
  return 'other';
}

function seriesOf(id: number, measurement?: Column, meter?: Column, model?: Column): Found | 'other' {
  if (!isText(measurement) || !isText(meter) || !isText(model) || !isId(id) || id >= SERIES_SLOTS) return 'other';
  return { kind: 'series', id, series: { measurement, meter, model } };
}

const isText = (value: Column | undefined): value is string => typeof value === 'string';
const isWhole = (value: Column | undefined): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isId = (value: Column | undefined): value is number => isWhole(value) && value > 0;
const isCause = (value: Column | undefined): value is GapCause => isText(value) && CAUSES.includes(value);

function isLayout(value: Column | undefined): value is string {
  if (!isText(value) || !value.startsWith('[')) return false;
  try {
    parseLayout(value);
    return true;
  } catch {
    return false;
  }
}
