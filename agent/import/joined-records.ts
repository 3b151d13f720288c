import type { TextLine } from './text-lines.ts';

/** More lines than any text in a record has. */
const MOST_LINES = 50;

export interface RecordRules {
  /** Does this text end within quotes, so that the next line belongs to it? */
  isOpen: (text: string) => boolean;
  /** Is a record of several lines a whole one? */
  isWhole: (text: string) => boolean;
  mostLines?: number;
}

/**
 * Joins lines to records where a text in quotes holds line ends. A quote by mistake spoils its own line only: when the lines
 * behind it do not make a whole record with it, each is looked at by itself.
 */
export class RecordJoiner {
  readonly #rules: RecordRules;
  #held: TextLine[] = [];
  #records: TextLine[] = [];

  constructor(rules: RecordRules) {
    this.#rules = rules;
  }

  add(line: TextLine): void {
    const { isOpen, isWhole, mostLines = MOST_LINES } = this.#rules;
    const [first] = this.#held;
    if (!first) {
      if (isOpen(line.text)) this.#held = [line];
      else this.#records.push(line);
      return;
    }
    this.#held.push(line);
    const text = this.#held.map((part) => part.text).join('\n');
    if (isOpen(text)) {
      if (this.#held.length >= mostLines) this.#release();
      return;
    }
    if (isWhole(text)) {
      this.#records.push({ text, line: first.line, end: line.end });
      this.#held = [];
    } else this.#release();
  }

  /** The records that are complete since the last call. */
  take(): TextLine[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }

  /** The rest, when no line follows. */
  end(): TextLine[] {
    while (this.#held.length > 0) this.#release();
    return this.take();
  }

  #release(): void {
    const [first, ...others] = this.#held;
    this.#held = [];
    if (first) this.#records.push(first);
    for (const other of others) this.add(other);
  }
}

/** The records of a stream of lines, those of a chunk at a time. */
export async function* joinedRecords(lines: AsyncIterable<TextLine[]>, rules: RecordRules): AsyncGenerator<TextLine[]> {
  const joiner = new RecordJoiner(rules);
  for await (const chunk of lines) {
    for (const line of chunk) joiner.add(line);
    yield joiner.take();
  }
  yield joiner.end();
}
