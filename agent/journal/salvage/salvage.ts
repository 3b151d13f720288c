import { existsSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { AgentError, messageOf } from '../../system/errors.ts';
import { journalPath, openForWriting, storageError } from '../database.ts';
import { seriesOfKey, timeOfKey } from '../keys.ts';
import { SALVAGE_PREFIX } from '../own-state.ts';
import { type Found, findRow } from './found.ts';
import { OldCatalogue } from './old-catalogue.ts';
import { readPage } from './page.ts';
import { PageFile } from './page-file.ts';
import { type SalvageProgress, salvageProgress } from './progress.ts';
import { SalvageWriter } from './writer.ts';

/** About a thousand readings: a transaction that holds up the collector's own for no longer than it waits anyway. */
const IMAGES_A_STEP = 16;
/** Looked at for what ids stand for, before anything else: the catalogue is made with the first readings. */
const FIRST_PAGES = 64;
const MOST_PASSES = 3;
/** A gap that lasts longer is a damaged one: gaps have no checksum. */
const LONGEST_GAP_MS = 10 * 366 * 86_400_000;
/** What the collector needs meanwhile stays free: days of readings, or a part of a small disk. */
const RESERVE_BYTES = 64e6;
const RESERVE_PART = 0.05;

/**
 * Brings what can be read of a damaged journal into the one that took its place, page by page and without SQLite, beside a
 * collector that goes on. What is there already stays as it is; cut off at any moment, the next one goes on where it was.
 */
export class Salvage {
  readonly #path: string;
  readonly #stateDir: string;
  readonly #db: DatabaseSync;
  readonly #file: PageFile;
  readonly #writer: SalvageWriter;
  readonly #catalogue = new OldCatalogue();
  readonly progress: SalvageProgress;
  readonly #known: number;

  /** @throws AgentError when there is no such file, or the journal cannot be written */
  constructor(stateDir: string, path: string) {
    if (!existsSync(path) && !existsSync(`${path}-wal`)) {
      throw new AgentError('storage', `there is no file ${path}`, { hint: 'name a file that was set aside' });
    }
    this.#stateDir = stateDir;
    this.#path = path;
    try {
      this.#file = new PageFile(path);
    } catch (error) {
      throw new AgentError('storage', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
    }
    try {
      this.#db = openForWriting(stateDir);
    } catch (error) {
      this.#file.close();
      throw error;
    }
    this.#writer = new SalvageWriter(stateDir, this.#db);
    const file = contentOf(path);
    const known = salvageProgress(this.#db, path);
    this.progress = { ...emptyProgress(this.#file.images), ...(known?.file === file ? known : { file }) };
    this.#learn();
    this.#known = this.#catalogue.size;
  }

  /**
   * Looks at the next few pages, and puts what they hold into the journal.
   * @returns false when there is nothing more to do
   * @throws AgentError `storage`, `retryable` when there is no room, or another process writes
   */
  step(): boolean {
    const { progress } = this;
    if (progress.finishedMs !== undefined) return false;
    this.#requireRoom();
    const before = { ...progress };
    const end = Math.min(progress.done + IMAGES_A_STEP, this.#file.images);
    try {
      this.#writer.transaction(() => {
        for (const index of this.#inOrder(progress.done, end)) this.#take(index);
        progress.done = end;
        if (end === this.#file.images) this.#endPass();
        progress.catalogue = this.#catalogue.toJSON();
        this.#writer.save(SALVAGE_PREFIX + basename(this.#path), progress);
      });
    } catch (error) {
      Object.assign(progress, before);
      throw storageError(journalPath(this.#stateDir), error);
    }
    return progress.finishedMs === undefined;
  }

  close(): void {
    this.#file.close();
    this.#db.close();
  }

  /** Newest first, but for the pages of one step: rows that follow one another are stored in less room. */
  #inOrder(from: number, to: number): number[] {
    const all = Array.from({ length: to - from }, (_, i) => from + i);
    const frames = all.filter((index) => index < this.#file.frames);
    return [...frames, ...all.slice(frames.length).reverse()];
  }

  #endPass(): void {
    const { progress } = this;
    const again = progress.unknown > 0 && this.#catalogue.size > this.#known && progress.pass < MOST_PASSES;
    if (again) Object.assign(progress, { done: 0, pass: progress.pass + 1, unknown: 0, lostPages: 0, lostRows: 0 });
    else progress.finishedMs = Date.now();
  }

  #take(index: number): void {
    const { progress } = this;
    if (this.#file.isStale(index)) return;
    const bytes = this.#file.image(index);
    if (!bytes) {
      progress.lostPages++;
      return;
    }
    const { cells, damaged, isTree } = this.#contentOf(index, bytes);
    const rows = cells.map(findRow);
    const unreadable = damaged + rows.filter((row) => row === undefined).length;
    // A free page, or one on which long rows go on, begins with a page's number.
    if (!isTree && (bytes[0] !== 0 || bytes.every((byte) => byte === 0))) progress.lostPages++;
    progress.lostRows += unreadable;
    for (const row of rows) if (row && row !== 'other') this.#add(row, unreadable === 0);
  }

  #contentOf(index: number, bytes: Buffer) {
    return readPage(bytes, this.#file.pageOf(index), (number) => this.#file.page(number));
  }

  #add(row: Found, intact: boolean): void {
    if (row.kind === 'series') this.#catalogue.addSeries(row.id, row.series);
    if (row.kind === 'layout') this.#catalogue.addLayout(row.id, row.fields);
    if (row.kind === 'reading') this.#addReading(row, intact);
    if (row.kind === 'gap') this.#addGap(row, intact);
    if (row.kind === 'consumer') this.#writer.addConsumer(row);
    if (row.kind === 'state' && isJson(row.value)) this.#writer.addState(row);
    if (row.kind === 'held' && intact && isJson(row.entry)) this.#writer.addHeld(row);
    if (row.kind === 'refused') {
      const series = this.#catalogue.seriesOf(seriesOfKey(row.key));
      if (series) this.#writer.addRefused({ series, timeMs: timeOfKey(row.key) }, row);
    }
  }

  #addReading(row: Extract<Found, { kind: 'reading' }>, intact: boolean): void {
    const resolved = this.#catalogue.resolve(row, intact);
    if (resolved === 'unknown') this.progress.unknown++;
    else if (resolved === undefined) this.progress.lostRows++;
    else if (this.#writer.addReading(resolved, row.data)) this.progress.readings++;
  }

  #addGap({ series: id, fromMs, toMs, cause }: Extract<Found, { kind: 'gap' }>, intact: boolean): void {
    const series = this.#catalogue.seriesOf(id);
    const isPlausible = fromMs > 0 && toMs >= fromMs && toMs - fromMs <= LONGEST_GAP_MS;
    if (!intact || !isPlausible) this.progress.lostRows++;
    else if (!series) this.progress.unknown++;
    else if (this.#writer.addGap({ series, fromMs, toMs, cause })) this.progress.gaps++;
  }

  /** What is known of series and layouts: from the last run, from the pages where they should be, from the journal. */
  #learn(): void {
    const { series, layouts } = this.progress.catalogue;
    for (const [id, one] of series) this.#catalogue.addSeries(id, one);
    for (const [id, fields] of layouts) this.#catalogue.addLayout(id, fields);
    for (let index = 0; index < this.#file.images; index++) {
      if (this.#file.pageOf(index) > FIRST_PAGES) continue;
      const bytes = this.#file.image(index);
      for (const cell of bytes ? this.#contentOf(index, bytes).cells : []) {
        const row = findRow(cell);
        if (row && row !== 'other' && (row.kind === 'series' || row.kind === 'layout')) this.#add(row, true);
      }
    }
    for (const row of this.#db.prepare('SELECT measurement, meter, model FROM series').all()) {
      this.#catalogue.addSeries(undefined, {
        measurement: String(row.measurement),
        meter: String(row.meter),
        model: String(row.model),
      });
    }
    for (const { fields } of this.#db.prepare('SELECT fields FROM layout').all()) {
      this.#catalogue.addLayout(undefined, String(fields));
    }
  }

  #requireRoom(): void {
    const { bavail, blocks, bsize } = statfsSync(dirname(journalPath(this.#stateDir)));
    if (bavail * bsize >= Math.min(RESERVE_BYTES, blocks * bsize * RESERVE_PART)) return;
    throw new AgentError('storage', `there is no room to salvage ${this.#path}`, {
      retryable: true,
      hint: 'make room: what is in the journal meanwhile stays, and the rest comes later',
    });
  }
}

/** What changes with the content, and not with the name. */
function contentOf(path: string): string {
  const stats = [path, `${path}-wal`].map((file) => statSync(file, { throwIfNoEntry: false }));
  return stats.map((stat) => (stat ? `${stat.size}/${Math.round(stat.mtimeMs)}` : '')).join(' ');
}

function emptyProgress(images: number): SalvageProgress {
  const catalogue = { series: [], layouts: [] };
  return { done: 0, images, pass: 1, readings: 0, gaps: 0, lostPages: 0, lostRows: 0, unknown: 0, catalogue };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
