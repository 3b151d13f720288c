import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BEGINNING, type Cursor, type Cursors, type Position } from '../journal/cursors.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';

/** A commit on the card for each batch would cost more than the readings. */
const SAVE_EVERY_MS = 300_000;

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
 * minutes. After a power cut these five minutes are sent again, which changes nothing at the server.
 */
export class CursorKeeper {
  readonly #options: CursorKeeperOptions;
  readonly #path: string;
  #cursor: Cursor;
  #savedMs = performance.now();
  #saved = true;

  constructor(options: CursorKeeperOptions) {
    this.#options = options;
    this.#path = join(options.runtimeDirectory, `cursor-${encodeURIComponent(options.consumer)}.json`);
    const stored = options.cursors.find(options.consumer);
    const newer = this.#read();
    // One of another generation is from before somebody set the cursor.
    this.#cursor =
      newer && newer.generation === (stored?.generation ?? 0) ? newer : (stored ?? { ...BEGINNING, generation: 0 });
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
    if (!stored) this.#options.cursors.advance(this.#options.consumer, this.#cursor);
    rmSync(this.#path, { force: true });
    return true;
  }

  /** Everything up to here is at the server. */
  advance(position: Position): void {
    this.#cursor = { ...position, generation: this.#cursor.generation };
    this.#saved = false;
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify(this.#cursor));
      renameSync(`${this.#path}.new`, this.#path);
    } catch {
      // An old file would send back: without one, the journal's cursor counts.
      rmSync(this.#path, { force: true });
    }
    if (performance.now() - this.#savedMs >= (this.#options.saveEveryMs ?? SAVE_EVERY_MS)) this.save();
  }

  /** Into the journal; when that refuses, again with one of the next batches. */
  save(): void {
    if (this.#saved) return;
    this.#savedMs = performance.now();
    try {
      this.#options.cursors.advance(this.#options.consumer, this.#cursor);
      this.#saved = true;
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, `the position of ${this.#options.consumer} cannot be saved`);
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
