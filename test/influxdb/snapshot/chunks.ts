/** A body in pieces of these lengths, over and over. */
export async function* inChunks(body: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < body.length; i++) {
    const length = Math.max(1, lengths[i % lengths.length] ?? body.length);
    yield body.subarray(at, at + length);
    at += length;
  }
}

export async function collect(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}
