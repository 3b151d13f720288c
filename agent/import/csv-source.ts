import { BadRecord, shown } from './bad-record.ts';
import { endsInQuotes, numberOf, splitCsv } from './csv.ts';
import type { CsvColumns } from './csv-columns.ts';
import { joinedRecords } from './joined-records.ts';
import type { Item, RawPoint, Tags } from './source.ts';
import type { TextLine } from './text-lines.ts';
import type { TimeZone } from './time-zone.ts';
import { textTimeMs } from './times.ts';

export interface CsvOptions {
  columns: CsvColumns;
  /** CSV names none. */
  measurement: string;
  /** Of times that name none. */
  zone: TimeZone | undefined;
}

/** The records behind the header of a CSV file. */
export async function* csvItems(lines: AsyncIterable<TextLine[]>, options: CsvOptions): AsyncGenerator<Item[]> {
  const { columns } = options;
  const known = new Map<string, Tags>();
  const isWhole = (text: string) => splitCsv(text, columns.delimiter)?.length === columns.count;
  for await (const records of joinedRecords(lines, { isOpen: endsInQuotes, isWhole })) {
    yield records.map(({ text, line, end }) => ({
      line,
      content: contentOf(text, options, known),
      after: { byte: end, line },
    }));
  }
}

function contentOf(
  text: string,
  { columns, measurement, zone }: CsvOptions,
  known: Map<string, Tags>,
): RawPoint | BadRecord | undefined {
  if (text.trim() === '') return undefined;
  const { delimiter, count, time } = columns;
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
    const tags = tagsOf(cells, columns, known);
    // This agent's own CSV names the meter.
    const isAlone = columns.values.length === 1 && columns.tags.length === 0;
    return { measurement, tags, timeMs: textTimeMs((cells[time] ?? '').trim(), zone), fields, isAlone };
  } catch (error) {
    if (error instanceof BadRecord) return error;
    throw error;
  }
}

/** @param known the object for tags that were there before */
function tagsOf(cells: readonly string[], columns: CsvColumns, known: Map<string, Tags>): Tags {
  const texts = columns.tags.map(({ index }) => (cells[index] ?? '').trim());
  const key = JSON.stringify(texts);
  let tags = known.get(key);
  if (!tags) {
    const entries = columns.tags.map(({ name }, i) => [name, texts[i] ?? ''] as const);
    tags = Object.fromEntries(entries.filter(([, text]) => text !== ''));
    known.set(key, tags);
  }
  return tags;
}
