const EMPTY = Buffer.alloc(0);

/** A body whose bytes are taken as the reader needs them; nothing is read ahead, so the sender waits for the reader. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = EMPTY;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** So many bytes; fewer at the end only. */
  async take(bytes: number): Promise<Buffer> {
    while (this.#rest.length < bytes) if (!(await this.#more())) break;
    return this.#cut(bytes);
  }

  /** What has come, at most so many bytes; empty at the end only. */
  async some(most: number): Promise<Buffer> {
    while (this.#rest.length === 0) if (!(await this.#more())) break;
    return this.#cut(most);
  }

  /** What comes next before the delimiter; the delimiter itself is passed over. Undefined where it never comes. */
  async upTo(delimiter: Buffer): Promise<{ piece: Buffer; found: boolean } | undefined> {
    for (;;) {
      const at = this.#rest.indexOf(delimiter);
      if (at >= 0) {
        const piece = this.#cut(at);
        this.#cut(delimiter.length);
        return { piece, found: true };
      }
      // The delimiter may have begun at the end of what has come.
      const sure = this.#rest.length - delimiter.length + 1;
      if (sure > 0) return { piece: this.#cut(sure), found: false };
      if (!(await this.#more())) return undefined;
    }
  }

  /** Nothing more is wanted: whoever sends may stop. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done) return false;
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    return true;
  }

  #cut(bytes: number): Buffer {
    const taken = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return taken;
  }
}
