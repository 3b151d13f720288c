import { AgentError } from '../system/errors.ts';
import { BadRecord, shown } from './bad-record.ts';
import { delimiterOf, endsInQuotes, numberOf, splitCsv } from './csv.ts';
import { joinedRecords } from './joined-records.ts';
import type { Item, RawPoint } from './source.ts';
import type { TextLine } from './text-lines.ts';
import { textTimeMs } from './times.ts';
import { type Mapping, QUANTITY_NAMES, SEED_FIELD } from './units.ts';

const TIME_NAMES = ['time', 'timestamp', '_time', 'datetime', 'date'];

/** What the columns of a CSV file are, by index. */
export interface CsvColumns {
  delimiter: string;
  count: number;
  time: number;
  meter: number | undefined;
  model: number | undefined;
  /** Columns with a quantity, and their names. */
  values: { index: number; name: string }[];
  /** Names of columns that are left out. */
  others: string[];
}

/** @throws AgentError when there is no time, or nothing to import */
export function csvColumns(header: string, name: string, mapping: Mapping, timeColumn: string | undefined): CsvColumns {
  const delimiter = delimiterOf(header);
  const names = (splitCsv(header, delimiter) ?? []).map((cell) => cell.trim());
  const list = names.map(shown).join(', ');
  const find = (wanted: readonly string[]) => names.findIndex((column) => wanted.includes(column.toLowerCase()));
  const time = timeColumn === undefined ? find(TIME_NAMES) : names.indexOf(timeColumn);
  if (time < 0) {
    throw new AgentError('usage', `${name}: no column is ${timeColumn === undefined ? 'named time' : timeColumn}`, {
      hint: `name the one with the time by --time-column; there are ${list}`,
    });
  }
  const columns: CsvColumns = {
    delimiter,
    count: names.length,
    time,
    meter: undefined,
    model: undefined,
    values: [],
    others: [],
  };
  names.forEach((column, index) => {
    const lower = column.toLowerCase();
    if (index === time) return;
    if (Object.hasOwn(mapping, column)) columns.values.push({ index, name: column });
    else if (QUANTITY_NAMES.includes(lower) || lower === SEED_FIELD) columns.values.push({ index, name: lower });
    else if (lower === 'meter') columns.meter = index;
    else if (lower === 'model') columns.model = index;
    else columns.others.push(column);
  });
  const missing = Object.keys(mapping).filter((column) => !names.includes(column));
  if (missing.length > 0) {
    throw new AgentError('usage', `${name}: there is no column ${missing.map(shown).join(', ')}`, {
      hint: `there are ${list}`,
    });
  }
  if (columns.values.length === 0) {
    throw new AgentError('usage', `${name}: no column is named like a quantity`, {
      hint: `say what they are, such as --map "${columns.others[0] ?? 'Power'}=active_power"; there are ${list}`,
    });
  }
  return columns;
}

/** The records behind the header of a CSV file. */
export async function* csvItems(lines: AsyncIterable<TextLine[]>, columns: CsvColumns): AsyncGenerator<Item[]> {
  const isWhole = (text: string) => splitCsv(text, columns.delimiter)?.length === columns.count;
  for await (const records of joinedRecords(lines, { isOpen: endsInQuotes, isWhole })) {
    yield records.map(({ text, line, end }) => ({
      line,
      content: contentOf(text, columns),
      after: { byte: end, line },
    }));
  }
}

function contentOf(text: string, columns: CsvColumns): RawPoint | BadRecord | undefined {
  if (text.trim() === '') return undefined;
  const { delimiter, count, time, meter, model } = columns;
  const cells = splitCsv(text, delimiter);
  if (!cells) return new BadRecord('a quote is not closed');
  if (cells.length !== count) return new BadRecord(`it has ${cells.length} cells, the header has ${count}`);
  const fields: Record<string, number> = {};
  for (const { index, name } of columns.values) {
    const cell = cells[index] ?? '';
    if (cell.trim() === '') continue;
    const value = numberOf(cell, delimiter);
    if (Number.isNaN(value)) return new BadRecord(`${name} is ${shown(cell)}, which is no number`);
    fields[name] = value;
  }
  try {
    return {
      measurement: 'energy',
      meter: textAt(cells, meter),
      model: textAt(cells, model),
      timeMs: textTimeMs((cells[time] ?? '').trim()),
      fields,
    };
  } catch (error) {
    if (error instanceof BadRecord) return error;
    throw error;
  }
}

function textAt(cells: readonly string[], index: number | undefined): string | undefined {
  const text = index === undefined ? '' : (cells[index] ?? '').trim();
  return text === '' ? undefined : text;
}
