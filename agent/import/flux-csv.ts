import { BadRecord } from './bad-record.ts';
import { endsInQuotes, numberOf, splitCsv } from './csv.ts';
import { RecordJoiner } from './joined-records.ts';
import type { Tags } from './source.ts';
import { textTimeMs } from './times.ts';

/** A row of a table: tags, other texts, and what is in numeric columns as numbers. */
export interface FluxRow {
  timeMs: number;
  tags: Tags;
  texts: Readonly<Record<string, string>>;
  numbers: Record<string, number>;
}

const NUMERIC = new Set(['double', 'long', 'unsignedLong']);
/** Columns that are neither tags nor fields. */
const OWN = new Set(['', 'result', 'table']);

/**
 * Tables of annotated CSV (InfluxDB 2, annotated CSV reference), record by record: each with a header of its own, divided by
 * empty lines. Without annotation `datatype` only `_value` is a number, without `group` all texts are tags.
 */
export class FluxTables {
  #types: readonly string[] | undefined;
  #groups: readonly string[] | undefined;
  #names: readonly string[] = [];
  /** One object for the same tags: they come again with each row. */
  readonly #tags = new Map<string, Tags>();

  /**
   * @returns undefined for a header, an annotation or an empty line
   * @throws BadRecord for a row without a time
   * @throws Error with the server's words: a query that fails under way does so within an answer that began well
   */
  row(record: string): FluxRow | undefined {
    const cells = splitCsv(record, ',');
    if (!cells) throw new BadRecord('a quote is not closed');
    if (record === '') this.#begin();
    else if (cells[0]?.startsWith('#')) this.#annotate(cells[0], cells);
    else if (this.#names.length === 0) this.#names = cells;
    else if (isFailure(this.#names)) throw new Error(cells[this.#names.indexOf('error')] ?? 'the query failed');
    else return this.#rowOf(cells);
    return undefined;
  }

  #begin(): void {
    this.#types = undefined;
    this.#groups = undefined;
    this.#names = [];
  }

  #annotate(annotation: string, cells: readonly string[]): void {
    if (this.#names.length > 0) this.#begin();
    if (annotation === '#datatype') this.#types = cells;
    if (annotation === '#group') this.#groups = cells;
  }

  #rowOf(cells: readonly string[]): FluxRow {
    const tags: Record<string, string> = {};
    const texts: Record<string, string> = {};
    const numbers: Record<string, number> = {};
    this.#names.forEach((name, i) => {
      const cell = cells[i] ?? '';
      if (OWN.has(name) || cell === '') return;
      const number = this.#numberOf(name, cell, i);
      if (number !== undefined) numbers[name] = number;
      else if (name.startsWith('_') || this.#groups?.[i] === 'false') texts[name] = cell;
      else tags[name] = cell;
    });
    const { _time: time } = texts;
    if (time === undefined) throw new BadRecord('a row has no time');
    return { timeMs: textTimeMs(time), tags: this.#kept(tags), texts, numbers };
  }

  #numberOf(name: string, cell: string, index: number): number | undefined {
    if (this.#types) return NUMERIC.has(this.#types[index] ?? '') ? Number(cell) : undefined;
    const number = name === '_value' ? numberOf(cell, ',') : Number.NaN;
    return Number.isNaN(number) ? undefined : number;
  }

  #kept(tags: Tags): Tags {
    const key = JSON.stringify(tags);
    const known = this.#tags.get(key);
    if (!known) this.#tags.set(key, tags);
    return known ?? tags;
  }
}

/** Rows of an answer, with annotations `datatype` and `group`. @throws Error when the query failed */
export function fluxRows(answer: string): FluxRow[] {
  const tables = new FluxTables();
  return records(answer).flatMap((record) => tables.row(record) ?? []);
}

/** A table of points may have a field `error`: a failure has its reference, and no time. */
function isFailure(names: readonly string[]): boolean {
  return names.includes('error') && names.includes('reference') && !names.includes('_time');
}

/** Lines, joined where a text in quotes holds line ends: a server closes each quote, however many lines later. */
function records(answer: string): string[] {
  const joiner = new RecordJoiner({ isOpen: endsInQuotes, isWhole: () => true, mostLines: Number.POSITIVE_INFINITY });
  for (const text of answer.split('\n')) joiner.add({ text, line: 0, end: 0 });
  return joiner.end().map(({ text }) => (text.endsWith('\r') ? text.slice(0, -1) : text));
}
