import { closeSync, constants, existsSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Gap, Reading, Values } from '../readings/reading.ts';

export const TAIL_NAME = 'journal.tail';

/** One thing that happened since the last commit. */
export type Entry =
  | { kind: 'reading'; reading: Reading; decimals: Readonly<Record<string, number>> }
  | { kind: 'gap'; gap: Gap };

interface TailRecord {
  /** Series: measurement, meter, model. */
  s: [string, string, string];
  t?: number;
  v?: Values;
  d?: Readonly<Record<string, number>>;
  g?: [number, number, Gap['cause']];
}

function toRecord(entry: Entry): TailRecord {
  if (entry.kind === 'gap') {
    const { series, fromMs, toMs, cause } = entry.gap;
    return { s: [series.measurement, series.meter, series.model], g: [fromMs, toMs, cause] };
  }
  const { series, timeMs, values } = entry.reading;
  return { s: [series.measurement, series.meter, series.model], t: timeMs, v: values, d: entry.decimals };
}

function fromRecord(record: TailRecord): Entry | undefined {
  const [measurement, meter, model] = record.s;
  const series = { measurement, meter, model };
  if (record.g) return { kind: 'gap', gap: { series, fromMs: record.g[0], toMs: record.g[1], cause: record.g[2] } };
  if (record.t === undefined || !record.v) return undefined;
  return { kind: 'reading', reading: { series, timeMs: record.t, values: record.v }, decimals: record.d ?? {} };
}

/**
 * What was appended since the last commit, in a file in memory (tmpfs): it outlives a killed process and costs the card
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
    const json = JSON.stringify(toRecord(entry));
    const line = Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`);
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

  /** Everything in it is committed. */
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
      const entry = fromRecord(JSON.parse(json) as TailRecord);
      if (entry) entries.push(entry);
    }
    return entries;
  }
}
