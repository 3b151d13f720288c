import { closeSync, constants, existsSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { type Entry, type EntryRecord, fromRecord, toRecord } from './entry.ts';

export const TAIL_NAME = 'journal.tail';

/** `crc32 json`, as a line. */
export function encodeLine(entry: Entry): string {
  const json = JSON.stringify(toRecord(entry));
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

/**
 * What was appended since the last flush, in a file in memory (tmpfs): it outlives a killed process and costs the card
 * nothing. One line an entry, `crc32 json`; a line that does not match its checksum was being written when the end came.
 */
export class Tail {
  readonly path: string;
  #fd: number | undefined;
  #size = 0;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
      0o640,
    );
  }

  append(entry: Entry): void {
    if (this.#fd === undefined) return;
    const line = Buffer.from(encodeLine(entry));
    const written = writeSync(this.#fd, line);
    if (written === line.length) this.#size += written;
    else {
      // Nearly full: half a line would spoil the next one as well.
      ftruncateSync(this.#fd, this.#size);
      throw new Error('no space is left for it');
    }
  }

  /** Replaces everything in it. */
  rewrite(entries: readonly Entry[]): void {
    this.clear();
    for (const entry of entries) this.append(entry);
  }

  /** Everything in it is on the card. */
  clear(): void {
    if (this.#fd === undefined) return;
    ftruncateSync(this.#fd, 0);
    this.#size = 0;
  }

  close(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    if (this.#size === 0) rmSync(this.path, { force: true });
  }

  /** The whole entries of a tail file; none when there is no such file. */
  static read(path: string): Entry[] {
    if (!existsSync(path)) return [];
    const entries: Entry[] = [];
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const json = line.slice(9);
      if (json === '' || Number.parseInt(line.slice(0, 8), 16) !== crc32(json)) continue;
      const entry = fromRecord(JSON.parse(json) as EntryRecord);
      if (entry) entries.push(entry);
    }
    return entries;
  }
}
