import { AgentError, messageOf } from '../system/errors.ts';
import { BadRecord } from './bad-record.ts';
import { endsInQuotes, splitCsv } from './csv.ts';
import { FluxTables } from './flux-csv.ts';
import { joinedRecords } from './joined-records.ts';
import type { Item, RawPoint } from './source.ts';
import type { TextLine } from './text-lines.ts';

export interface AnnotatedOptions {
  /** For messages. */
  name: string;
  /** Of tables that name none. */
  measurement: string;
  /** Number of the line behind which items begin: what stands before it says what the columns are. */
  afterLine: number;
}

const ANNOTATION = /^#(?:datatype|group|default),/;
const NAMES = ['_time', '_field', '_value'];

/** Is it CSV as InfluxDB 2 exports it, told by its annotations, or by its columns where it has none? */
export function isAnnotated(lines: readonly string[]): boolean {
  const first = lines.find((line) => line.trim() !== '') ?? '';
  if (ANNOTATION.test(first)) return true;
  const names = splitCsv(first, ',') ?? [];
  return NAMES.every((name) => names.includes(name));
}

/** Records of annotated CSV: with a column `_field` each row is one field of a point. */
export async function* annotatedItems(
  lines: AsyncIterable<TextLine[]>,
  options: AnnotatedOptions,
): AsyncGenerator<Item[]> {
  const tables = new FluxTables();
  const isWhole = (text: string) => splitCsv(text, ',') !== undefined;
  for await (const records of joinedRecords(lines, { isOpen: endsInQuotes, isWhole })) {
    const items = records.map(({ text, line, end }) => ({
      line,
      content: contentOf(tables, text, line, options),
      after: { byte: end, line },
    }));
    yield items.filter(({ line }) => line > options.afterLine);
  }
}

function contentOf(
  tables: FluxTables,
  text: string,
  line: number,
  { name, measurement }: AnnotatedOptions,
): RawPoint | BadRecord | undefined {
  try {
    const row = tables.row(text);
    if (!row) return undefined;
    const { timeMs, tags, texts, numbers } = row;
    const { _measurement = measurement, _field: field } = texts;
    if (field === undefined) return { measurement: _measurement, tags, timeMs, fields: numbers, isAlone: false };
    const { _value: value } = numbers;
    const fields = value === undefined ? {} : { [field]: value };
    return { measurement: _measurement, tags, timeMs, fields, isAlone: true };
  } catch (error) {
    if (error instanceof BadRecord) return error;
    throw new AgentError(
      'usage',
      `${name}:${line}: the export ended with an error of the server: ${messageOf(error)}`,
      {
        hint: 'export it again, in shorter times',
        cause: error,
      },
    );
  }
}
