import { AgentError } from '../system/errors.ts';
import { shown } from './bad-record.ts';
import { delimiterOf, splitCsv } from './csv.ts';
import { type Mapping, QUANTITY_NAMES, SEED_FIELD, SEED_MAPPING } from './units.ts';

const TIME_NAMES = ['time', 'timestamp', '_time', 'datetime', 'date'];

export interface CsvMeaning {
  mapping: Mapping;
  timeColumn?: string | undefined;
  /** Column with the meter's name; undefined for `meter`. */
  meterTag?: string | undefined;
}

/** What the columns of a CSV file are, by index. */
export interface CsvColumns {
  delimiter: string;
  count: number;
  time: number;
  /** Columns that say whose readings they are, and their names. */
  tags: { index: number; name: string }[];
  /** Columns with a quantity, and their names. */
  values: { index: number; name: string }[];
  /** Names of columns that are left out. */
  others: string[];
}

/** @throws AgentError when there is no time, nothing to import, or two columns for one quantity */
export function csvColumns(header: string, name: string, meaning: CsvMeaning): CsvColumns {
  const { mapping, timeColumn, meterTag } = meaning;
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
  const said = [...Object.keys(mapping), ...(meterTag === undefined ? [] : [meterTag])];
  const missing = said.filter((column) => !names.includes(column));
  if (missing.length > 0) {
    throw new AgentError('usage', `${name}: there is no column ${missing.map(shown).join(', ')}`, {
      hint: `there are ${list}`,
    });
  }
  refuseBareValue(name, names);
  const mapped = new Set(Object.values(mapping).map(({ quantity }) => quantity));
  const columns: CsvColumns = { delimiter, count: names.length, time, tags: [], values: [], others: [] };
  names.forEach((column, index) => {
    const lower = column.toLowerCase();
    if (index === time) return;
    if (column === meterTag) columns.tags.push({ index, name: column });
    else if (Object.hasOwn(mapping, column)) columns.values.push({ index, name: column });
    else if (isQuantity(lower) && !mapped.has(quantityOf(lower, mapping))) columns.values.push({ index, name: lower });
    else if (lower === 'model' || (lower === 'meter' && meterTag === undefined))
      columns.tags.push({ index, name: lower });
    else columns.others.push(column);
  });
  refuseDoubles(name, names, columns, mapping);
  if (columns.values.length === 0) {
    const example = columns.others.find((column) => /^\p{L}/u.test(column)) ?? 'Power';
    throw new AgentError('usage', `${name}: no column is named like a quantity`, {
      hint: `say what they are, such as --map "${example}=active_power"; there are ${list}`,
    });
  }
  return columns;
}

function isQuantity(column: string): boolean {
  return QUANTITY_NAMES.includes(column) || column === SEED_FIELD;
}

function quantityOf(column: string, mapping: Mapping): string {
  const mapped = Object.hasOwn(mapping, column) ? mapping[column] : undefined;
  return mapped?.quantity ?? (column === SEED_FIELD ? SEED_MAPPING[SEED_FIELD]?.quantity : undefined) ?? column;
}

/** InfluxDB has all fields in the column `_value`; `_field` says which each is of. */
function refuseBareValue(name: string, names: readonly string[]): void {
  if (!names.includes('_value')) return;
  throw new AgentError('usage', `${name} is of InfluxDB, without the columns that say what _value is of`, {
    hint: 'export it again with its columns _time, _field and _value',
  });
}

/** Which of two would win would be chance. */
function refuseDoubles(name: string, names: readonly string[], { values }: CsvColumns, mapping: Mapping): void {
  const first = new Map<string, number>();
  for (const { index, name: column } of values) {
    const quantity = quantityOf(column, mapping);
    const other = first.get(quantity);
    if (other === undefined) {
      first.set(quantity, index);
      continue;
    }
    const pair = [names[other], names[index]].map((text) => shown(text ?? '')).join(' and ');
    throw new AgentError('usage', `${name}: columns ${pair} are both ${quantity}`, {
      hint: `say which is to be taken, such as --map "${names[other]}=${quantity}"`,
    });
  }
}
