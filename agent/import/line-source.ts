import { BadRecord } from './bad-record.ts';
import { joinedRecords } from './joined-records.ts';
import { endsInText, type FieldValue, parseLine } from './line-protocol-parser.ts';
import type { Item, RawPoint } from './source.ts';
import type { TextLine } from './text-lines.ts';
import { type Precision, timestampMs } from './times.ts';

/** The records of line protocol. */
export async function* lineItems(lines: AsyncIterable<TextLine[]>, precision: Precision): AsyncGenerator<Item[]> {
  const isWhole = (text: string) => contentOf(text, precision) instanceof BadRecord === false;
  for await (const records of joinedRecords(lines, { isOpen: endsInText, isWhole })) {
    yield records.map(({ text, line, end }) => ({
      line,
      content: contentOf(text, precision),
      after: { byte: end, line },
    }));
  }
}

function contentOf(text: string, precision: Precision): RawPoint | BadRecord | undefined {
  try {
    const point = parseLine(text);
    if (!point) return undefined;
    const { measurement, tags, timestamp } = point;
    if (timestamp === undefined) throw new BadRecord('it has no timestamp');
    const isAlone = Object.keys(point.fields).length === 1;
    return { measurement, tags, timeMs: timestampMs(timestamp, precision), fields: numbersOf(point.fields), isAlone };
  } catch (error) {
    if (error instanceof BadRecord) return error;
    throw error;
  }
}

/** Texts and truths are no quantities. */
function numbersOf(fields: Record<string, FieldValue>): Record<string, number> {
  for (const name in fields) if (typeof fields[name] !== 'number') delete fields[name];
  return fields as Record<string, number>;
}
