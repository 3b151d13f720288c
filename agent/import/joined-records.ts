import type { TextLine } from './text-lines.ts';

/** More lines than any text in a record has. */
const MOST_LINES = 50;

export interface RecordRules {
  /** Does this text end within quotes, so that the next line belongs to it? */
  isOpen: (text: string) => boolean;
  /** Is a record of several lines a whole one? */
  isWhole: (text: string) => boolean;
}

/**
 * Joins lines to records where a text in quotes holds line ends. A quote by mistake spoils its own line only: when the lines
 * behind it do not make a whole record with it, each is looked at by itself.
 */
export async function* joinedRecords(
  lines: AsyncIterable<TextLine[]>,
  { isOpen, isWhole }: RecordRules,
): AsyncGenerator<TextLine[]> {
  let held: TextLine[] = [];
  let records: TextLine[] = [];
  const take = (line: TextLine) => {
    const [first] = held;
    if (!first) {
      if (isOpen(line.text)) held = [line];
      else records.push(line);
      return;
    }
    held.push(line);
    const text = held.map((part) => part.text).join('\n');
    if (isOpen(text)) {
      if (held.length >= MOST_LINES) release();
      return;
    }
    if (isWhole(text)) {
      records.push({ text, line: first.line, end: line.end });
      held = [];
    } else release();
  };
  const release = () => {
    const [first, ...others] = held;
    held = [];
    if (first) records.push(first);
    for (const other of others) take(other);
  };
  for await (const chunk of lines) {
    for (const line of chunk) take(line);
    yield records;
    records = [];
  }
  while (held.length > 0) release();
  yield records;
}
