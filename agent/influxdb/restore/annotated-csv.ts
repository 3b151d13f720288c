import { AgentError } from '../../system/errors.ts';

/** A row of a Flux result. */
export interface FluxRow {
  /** Values by column. */
  values: ReadonlyMap<string, string>;
  /** Types by column, as Flux names them: `long`, `double`, `string`. */
  types: ReadonlyMap<string, string>;
}

/**
 * The rows of annotated CSV with its annotation `#datatype`, as POST /api/v2/query gives them.
 * @throws AgentError where the server tells, below a 200, that it could not go on
 */
export function* fluxRows(text: string): Generator<FluxRow> {
  let types: string[] = [];
  let names: string[] | undefined;
  for (const cells of csvRecords(text)) {
    if (cells.length < 2) {
      names = undefined;
    } else if (cells[0] === '#datatype') {
      types = cells;
      names = undefined;
    } else if (names === undefined) {
      names = cells;
    } else {
      const named = names;
      const values = new Map(cells.map((cell, i) => [named[i] ?? '', cell]));
      const error = values.get('error');
      if (error && values.has('reference')) {
        throw new AgentError('unavailable', `the server broke off a query: ${error}`, { retryable: true });
      }
      yield { values, types: new Map(named.map((name, i) => [name, types[i] ?? ''])) };
    }
  }
}

/** RFC 4180: cells with quotes may hold commas, line breaks and doubled quotes. */
function* csvRecords(text: string): Generator<string[]> {
  let cells: string[] = [];
  let at = 0;
  while (at < text.length) {
    let cell: string;
    if (text[at] === '"') {
      const end = endOfQuoted(text, at + 1);
      cell = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    } else {
      const end = endOfPlain(text, at);
      cell = text.slice(at, end);
      at = end;
    }
    cells.push(cell);
    if (text[at] === ',') {
      at++;
      if (at === text.length) cells.push('');
      continue;
    }
    if (text[at] === '\r') at++;
    at++;
    yield cells;
    cells = [];
  }
  if (cells.length > 0) yield cells;
}

function endOfQuoted(text: string, from: number): number {
  for (let at = from; ; at += 2) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    if (text[at + 1] !== '"') return at;
  }
}

function endOfPlain(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== ',' && text[at] !== '\r' && text[at] !== '\n') at++;
  return at;
}
