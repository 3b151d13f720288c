/** A file that is damaged on the server's disk: it is so again the next time. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/** Magic number and version, big-endian. */
const BEGINNING = Buffer.from('16d116d101', 'hex');
/** The last bytes: where the index begins. */
const FOOTER_BYTES = 8;

/**
 * Passes a TSM file on and looks at its ends: blocks lie behind the magic number, an index behind them, its place last.
 * @throws DamagedFile at its end, or earlier
 */
export async function* checkedTsm(name: string, size: number, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let beginning: Buffer = Buffer.alloc(0);
  let ending: Buffer = Buffer.alloc(0);
  for await (const piece of content) {
    if (beginning.length < BEGINNING.length) {
      beginning = Buffer.concat([beginning, piece.subarray(0, BEGINNING.length - beginning.length)]);
      if (!BEGINNING.subarray(0, beginning.length).equals(beginning)) throw notTsm(name);
    }
    ending = Buffer.concat([ending, piece.subarray(-FOOTER_BYTES)]).subarray(-FOOTER_BYTES);
    yield piece;
  }
  const index = ending.length === FOOTER_BYTES ? ending.readBigUInt64BE() : 0n;
  if (index < BigInt(BEGINNING.length) || index >= BigInt(size - FOOTER_BYTES)) throw notTsm(name);
}

function notTsm(name: string): DamagedFile {
  return new DamagedFile(`${name} is no whole TSM file`);
}
