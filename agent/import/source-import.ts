import { createHash } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ImportCounts, ImportedReading, Importer } from '../journal/importer.ts';
import { AgentError } from '../system/errors.ts';
import { BadRecord } from './bad-record.ts';
import type { Converter } from './converter.ts';
import { locatedError, placeOf } from './located-error.ts';
import type { Progress } from './progress.ts';
import type { Origins } from './series-finder.ts';
import type { Item, Position, Source } from './source.ts';
import { isStop } from './stopped.ts';
import { NOTHING, type Tally, tallyOf } from './tally.ts';

export interface SourceImportOptions {
  source: Source;
  importer: Importer;
  converter: Converter;
  /** Undefined for a source that cannot be read a second time. */
  markKey: string | undefined;
  /** More invalid records end the import. */
  maxErrors: number;
  /** Bytes that the journal's data may take; undefined sets no bound. */
  maxBytes?: number | undefined;
  /** Is aborted when the person wants it to end. */
  signal: AbortSignal;
  /** What the converter found; kept with the mark. */
  origins: Origins;
}

/** How far a source is, as the journal keeps it. */
export interface Mark {
  position: Position | undefined;
  tally: Tally;
  origins: Origins;
  /** All of it is imported; kept until all sources of the command are. */
  done: boolean;
}

/** A commit has to end well before a collector's patience with it (250 ms) does, on a Pi as well. */
const LONGEST_COMMIT_MS = 40;
const SMALLEST_GROUP = 50;
const LARGEST_GROUP = 2000;
/** With nothing to store, the mark is moved nevertheless. */
const RECORDS_A_MARK = 50_000;
/** The first invalid records are shown, so that the person sees what is wrong. */
const SHOWN_ERRORS = 5;

/** Key of a source's mark in the journal's `state`. */
export function markKeyOf({ identity }: Source, meaning: Readonly<Record<string, unknown>>): string | undefined {
  if (identity === undefined) return undefined;
  return `import/${createHash('sha256')
    .update(JSON.stringify([identity, meaning]))
    .digest('hex')}`;
}

export function loadMark(importer: Importer, key: string | undefined): Mark | undefined {
  const saved = key === undefined ? undefined : (importer.mark(key) as Partial<Mark> | undefined);
  return (
    saved && {
      position: saved.position,
      tally: tallyOf(saved.tally),
      origins: saved.origins ?? {},
      done: saved.done === true,
    }
  );
}

/** Brings one source into the journal, from its mark on. */
export class SourceImport {
  readonly #options: SourceImportOptions;
  #tally: Tally;
  readonly #start: Position | undefined;
  #group: ImportedReading[] = [];
  #groupSize = 500;
  #markedRecords: number;
  /** How it was at the last place from which reading can go on, when records behind it have been taken. */
  #settled: { tally: Tally; readings: number } | undefined;

  constructor(options: SourceImportOptions, mark: Mark | undefined) {
    this.#options = options;
    this.#tally = { ...(mark?.tally ?? NOTHING) };
    this.#start = mark?.position;
    this.#markedRecords = this.#tally.records;
  }

  /**
   * Until its end, or until it is to stop: what was read is stored then, and the mark says where to go on.
   * @throws AgentError; what was read before is stored
   */
  async run(progress: Progress): Promise<{ tally: Tally; done: boolean }> {
    const { source, signal } = this.#options;
    let position = this.#start;
    try {
      for await (const items of source.items(position)) {
        for (const item of items) {
          if (item.after === undefined) this.#settled ??= { tally: { ...this.#tally }, readings: this.#group.length };
          this.#take(item, progress);
          if (item.after === undefined) continue;
          position = item.after;
          this.#settled = undefined;
          if (this.#isDue()) await this.#store(position, false);
        }
        progress.update(this.#tally, source.share());
        if (signal.aborted) return await this.#stop(position);
      }
    } catch (error) {
      const stopped = await this.#stop(position);
      // Waiting for the source was ended.
      if (isStop(error)) return stopped;
      throw error;
    }
    await this.#store(position, true);
    return { tally: this.#tally, done: true };
  }

  /** What was read behind the last place to go on from is read again, so it counts neither as stored nor in the tally. */
  async #stop(position: Position | undefined): Promise<{ tally: Tally; done: boolean }> {
    if (this.#settled) {
      this.#tally = this.#settled.tally;
      this.#group = this.#group.slice(0, this.#settled.readings);
      this.#settled = undefined;
    }
    // A source without a place to go on from ends with whole groups only.
    if (position !== undefined) await this.#store(position, false);
    return { tally: this.#tally, done: false };
  }

  #isDue(): boolean {
    return this.#group.length >= this.#groupSize || this.#tally.records - this.#markedRecords >= RECORDS_A_MARK;
  }

  #take({ content, line }: Item, progress: Progress): void {
    if (content === undefined) return;
    const { source, converter, maxErrors } = this.#options;
    try {
      if (content instanceof BadRecord) throw content;
      const converted = converter.convert(content);
      if (typeof converted === 'string') this.#tally[converted]++;
      else this.#group.push(converted);
      this.#tally.records++;
    } catch (error) {
      if (!(error instanceof BadRecord)) throw locatedError(error, source, line);
      const where = placeOf(source, line);
      const invalid = this.#tally.invalid + 1;
      if (invalid <= SHOWN_ERRORS) progress.say(`${where}: left out: ${error.message}`);
      // It is not counted: the next run begins with it.
      if (invalid > maxErrors) {
        throw new AgentError('usage', `${where}: ${error.message}; this is invalid record ${invalid}`, {
          hint: `look into the file, or allow more than ${maxErrors} with --max-errors`,
        });
      }
      this.#tally.records++;
      this.#tally.invalid = invalid;
    }
  }

  async #store(position: Position | undefined, done: boolean): Promise<void> {
    const { importer, markKey, maxBytes, origins } = this.#options;
    const isFull = maxBytes !== undefined && importer.bytes() > maxBytes;
    let tally = this.#tally;
    const value = (counts: ImportCounts): Mark => {
      if (isFull && counts.stored + counts.completed > 0) throw fullJournal();
      tally = { ...this.#tally };
      for (const name of ['stored', 'completed', 'replaced', 'there'] as const) tally[name] += counts[name];
      return { position, tally, origins, done };
    };
    const heldMs = importer.store(this.#group, { key: markKey, value });
    // Not before it is committed: what fails is stored, and counted, again.
    this.#tally = tally;
    this.#group = [];
    this.#markedRecords = this.#tally.records;
    await this.#rest(heldMs);
  }

  /** Groups become as large as a short commit allows; a collector gets its turn after each. */
  async #rest(heldMs: number): Promise<void> {
    const factor = Math.min(1.5, Math.max(0.25, LONGEST_COMMIT_MS / 2 / heldMs));
    this.#groupSize = Math.round(Math.min(LARGEST_GROUP, Math.max(SMALLEST_GROUP, this.#groupSize * factor)));
    if (this.#options.importer.collectorRuns()) await sleep(Math.max(10, heldMs));
    else await nextTurn();
  }
}

function fullJournal(): AgentError {
  return new AgentError(
    'storage',
    'the journal is as large as it may be: more would only push out its oldest readings',
    { hint: 'raise journal.maxSize in the configuration, then run the same command' },
  );
}
