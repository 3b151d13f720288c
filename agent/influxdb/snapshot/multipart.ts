import { BrokenAnswer } from './broken-answer.ts';
import { ByteReader } from './byte-reader.ts';

/** One part of a multipart body. */
export interface Part {
  /** Of its Content-Disposition. */
  name: string;
  /** Ends without an error only where the part is whole. */
  content: AsyncGenerator<Buffer>;
}

const HEAD_BYTES = 8192;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/**
 * The parts of a multipart/mixed body (RFC 2046, 5.1) one after the other: what of one is not taken is passed over.
 * @throws BrokenAnswer unless the last boundary is there, and nothing behind it
 */
export async function* readMultipart(contentType: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  const boundary = /^multipart\/mixed\s*;.*\bboundary="?([^";\s]{1,70})"?/i.exec(contentType)?.[1];
  if (boundary === undefined) throw new BrokenAnswer('the answer is not multipart/mixed');
  const reader = new ByteReader(body);
  try {
    const first = Buffer.from(`--${boundary}`);
    if (!(await reader.take(first.length)).equals(first))
      throw new BrokenAnswer('the answer does not begin with a part');
    const delimiter = Buffer.from(`\r\n--${boundary}`);
    for (;;) {
      const after = (await reader.take(2)).toString('latin1');
      if (after === '--') break;
      if (after !== '\r\n') throw new BrokenAnswer('a part of the answer has no end');
      const name = await partName(reader);
      const content = new Content(reader, delimiter, `part ${name}`);
      yield { name, content: content.pieces() };
      for await (const _ of content.pieces());
    }
    const rest = await reader.take(3);
    if (!/^(\r\n)?$/.test(rest.toString('latin1'))) throw new BrokenAnswer('something follows the last part');
  } finally {
    await reader.close();
  }
}

async function partName(reader: ByteReader): Promise<string> {
  let head = '';
  for await (const piece of new Content(reader, END_OF_HEAD, 'the head of a part').pieces()) {
    head += piece.toString('latin1');
    if (head.length > HEAD_BYTES) throw new BrokenAnswer('the head of a part is too long');
  }
  const name = /^content-disposition:.*\bname="([^"\r\n]*)"/im.exec(head)?.[1];
  if (name === undefined) throw new BrokenAnswer('a part of the answer has no name');
  return name;
}

/** What comes before a delimiter, as far as it has not been taken yet. */
class Content {
  readonly #reader: ByteReader;
  readonly #delimiter: Buffer;
  readonly #what: string;
  #ended = false;

  constructor(reader: ByteReader, delimiter: Buffer, what: string) {
    this.#reader = reader;
    this.#delimiter = delimiter;
    this.#what = what;
  }

  async *pieces(): AsyncGenerator<Buffer> {
    while (!this.#ended) {
      const taken = await this.#reader.upTo(this.#delimiter);
      if (!taken) throw new BrokenAnswer(`${this.#what} is cut off`);
      this.#ended = taken.found;
      if (taken.piece.length > 0) yield taken.piece;
    }
  }
}
