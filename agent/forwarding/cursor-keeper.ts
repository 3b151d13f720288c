import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BEGINNING, type Cursor, type Cursors, type Position } from '../journal/cursors.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';

/** A commit on the card for each batch would cost more than the readings. */
const SAVE_EVERY_MS = 300_000;
/** VictoriaMetrics 1.79 lost what it had acknowledged up to 9.5 s before a kill, measured. */
const UNSURE_MS = 30_000;

export interface CursorKeeperOptions {
  consumer: string;
  cursors: Cursors;
  /** Memory-backed; where files outlive the process but not a power cut. */
  runtimeDirectory: string;
  log: Logger;
  saveEveryMs?: number;
}

/**
 * A consumer's position: in a file in memory after each batch, which outlives a killed process, and in the journal each five
 * minutes. After a power cut these five minutes are sent again, which changes nothing at the server. What a server keeps in
 * its memory alone counts as taken only some time later: whoever dies first, the other sends or gets it again.
 */
export class CursorKeeper {
  readonly #options: CursorKeeperOptions;
  readonly #path: string;
  #cursor: Cursor;
  /** Where each batch began that the server may still lose, and when it was acknowledged. */
  #unsure: { from: Position; atMs: number }[] = [];
  #savedMs = performance.now();
  #saved = true;

  constructor(options: CursorKeeperOptions) {
    this.#options = options;
    this.#path = join(options.runtimeDirectory, `cursor-${encodeURIComponent(options.consumer)}.json`);
    const stored = options.cursors.find(options.consumer);
    const newer = this.#read();
    // A file without a cursor is of another journal, and must not be found beside the cursor that is made now; one of another
    // generation is from before somebody set the cursor.
    if (!stored) rmSync(this.#path, { force: true });
    this.#cursor =
      stored === undefined ? { ...BEGINNING, generation: 0 } : newer?.generation === stored.generation ? newer : stored;
    if (!stored) options.cursors.advance(options.consumer, this.#cursor);
  }

  get position(): Position {
    return { key: this.#cursor.key, late: this.#cursor.late };
  }

  /** Takes over where somebody has set the cursor meanwhile. @returns true when it did */
  refresh(): boolean {
    const stored = this.#options.cursors.find(this.#options.consumer);
    if (stored?.generation === this.#cursor.generation) return false;
    this.#cursor = stored ?? { ...BEGINNING, generation: 0 };
    this.#unsure = [];
    if (!stored) this.#options.cursors.advance(this.#options.consumer, this.#cursor);
    rmSync(this.#path, { force: true });
    return true;
  }

  /**
   * Everything up to here is at the server.
   * @param unsure the server has it in memory alone
   */
  advance(position: Position, unsure: boolean): void {
    const nowMs = performance.now();
    this.#unsure = this.#unsure.filter(({ atMs }) => nowMs - atMs < UNSURE_MS);
    if (unsure) this.#unsure.push({ from: this.position, atMs: nowMs });
    this.#move(position);
    if (nowMs - this.#savedMs >= (this.#options.saveEveryMs ?? SAVE_EVERY_MS)) this.save();
  }

  /** The server may have lost what it had in memory: back to before that. @returns false when there was no such thing */
  lookBack(): boolean {
    if (this.#unsure.length === 0) return false;
    const { key, late } = this.#sure;
    this.#unsure = [];
    this.#move({ key, late });
    return true;
  }

  /** Into the journal; when that refuses, again with one of the next batches. */
  save(): void {
    if (this.#saved) return;
    this.#savedMs = performance.now();
    try {
      this.#options.cursors.advance(this.#options.consumer, this.#sure);
      this.#saved = this.#unsure.length === 0;
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, `the position of ${this.#options.consumer} cannot be saved`);
    }
  }

  /** Where to go on after a restart. */
  get #sure(): Cursor {
    return { ...(this.#unsure[0]?.from ?? this.position), generation: this.#cursor.generation };
  }

  #move(position: Position): void {
    this.#cursor = { ...position, generation: this.#cursor.generation };
    this.#saved = false;
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify(this.#sure));
      renameSync(`${this.#path}.new`, this.#path);
    } catch {
      // An old file would send back: without one, the journal's cursor counts.
      rmSync(this.#path, { force: true });
    }
  }

  #read(): Cursor | undefined {
    try {
      const cursor = JSON.parse(readFileSync(this.#path, 'utf8')) as Cursor;
      return [cursor.key, cursor.late, cursor.generation].every(Number.isInteger) ? cursor : undefined;
    } catch {
      return undefined;
    }
  }
}
