import { AgentError } from '../system/errors.ts';

/** A line of text without its end. */
export interface TextLine {
  text: string;
  /** From 1. */
  line: number;
  /** Byte behind it. */
  end: number;
}

/** No line of readings is that long: what it is would only fill the memory. */
const LONGEST_LINE_BYTES = 1_000_000;
const LINE_FEED = 10;

/**
 * Lines of a stream, those of a chunk at a time: an array costs less than a turn of the event loop for each line.
 * @param from the byte where the first chunk begins, and the number of the line before it
 * @throws AgentError for a line without end
 */
export async function* textLines(
  chunks: AsyncIterable<Buffer>,
  name: string,
  from: { byte: number; line: number },
): AsyncGenerator<TextLine[]> {
  let { byte, line } = from;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const lines: TextLine[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      lines.push({ text: textOf(bytes, start, end, byte), line: ++line, end: byte + end + 1 });
      start = end + 1;
    }
    rest = bytes.subarray(start);
    byte += start;
    if (rest.length > LONGEST_LINE_BYTES) {
      throw new AgentError('usage', `${name}: line ${line + 1} does not end within 1 MB; this is no text of readings`);
    }
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [{ text: textOf(rest, 0, rest.length, byte), line: line + 1, end: byte + rest.length }];
}

function textOf(bytes: Buffer, start: number, end: number, byte: number): string {
  const text = bytes.toString('utf8', start, end > start && bytes[end - 1] === 13 ? end - 1 : end);
  // Excel puts a byte order mark before the first line.
  return byte + start === 0 && text.startsWith('\ufeff') ? text.slice(1) : text;
}
