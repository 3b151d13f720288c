import { BadRecord } from './bad-record.ts';
import { endsInQuotes, splitCsv } from './csv.ts';
import { RecordJoiner } from './joined-records.ts';
import { textTimeMs } from './times.ts';

/** A row of an answer: texts by column, and those of numeric columns as numbers. */
export interface FluxRow {
  timeMs: number;
  texts: Readonly<Record<string, string>>;
  numbers: Record<string, number>;
}

const NUMERIC = new Set(['double', 'long', 'unsignedLong']);
/** Columns of the answer's own. */
const OWN = new Set(['', 'result', 'table']);

/**
 * Rows of annotated CSV (InfluxDB 2, annotated CSV reference) with annotation `datatype`: tables with headers of their own,
 * divided by empty lines.
 * @throws Error with the server's words: a query that fails under way does so within an answer that began well
 */
export function fluxRows(answer: string): FluxRow[] {
  const rows: FluxRow[] = [];
  let types: readonly string[] = [];
  let names: readonly string[] = [];
  for (const record of records(answer)) {
    const cells = splitCsv(record, ',') ?? [];
    if (record === '') types = names = [];
    else if (cells[0]?.startsWith('#')) types = cells;
    else if (names.length === 0) names = cells;
    else if (isFailure(names)) throw new Error(cells[names.indexOf('error')] ?? 'the query failed');
    else rows.push(rowOf(cells, names, types));
  }
  return rows;
}

/** A table of points may have a field `error`: a failure has its reference, and no time. */
function isFailure(names: readonly string[]): boolean {
  return names.includes('error') && names.includes('reference') && !names.includes('_time');
}

function rowOf(cells: readonly string[], names: readonly string[], types: readonly string[]): FluxRow {
  const texts: Record<string, string> = {};
  const numbers: Record<string, number> = {};
  names.forEach((name, i) => {
    const cell = cells[i] ?? '';
    if (OWN.has(name) || cell === '') return;
    if (NUMERIC.has(types[i] ?? '')) numbers[name] = Number(cell);
    else texts[name] = cell;
  });
  const { _time: time } = texts;
  if (time === undefined) throw new BadRecord('a row has no time');
  return { timeMs: textTimeMs(time), texts, numbers };
}

/** Lines, joined where a text in quotes holds line ends: a server closes each quote, however many lines later. */
function records(answer: string): string[] {
  const joiner = new RecordJoiner({ isOpen: endsInQuotes, isWhole: () => true, mostLines: Number.POSITIVE_INFINITY });
  for (const text of answer.split('\n')) joiner.add({ text, line: 0, end: 0 });
  return joiner.end().map(({ text }) => (text.endsWith('\r') ? text.slice(0, -1) : text));
}
