import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { PAGE_BYTES } from './page.ts';
import { readWal } from './wal.ts';

/** A page as it lies somewhere in the files of a database. */
interface Image {
  fd: number;
  page: number;
  offset: number;
}

/**
 * The pages of a database file and of the write-ahead file beside it, without SQLite: the newest images first, so that what
 * was written last counts where a row is found twice.
 */
export class PageFile {
  readonly #main: number | undefined;
  readonly #wal: number | undefined;
  readonly #frames: Image[] = [];
  readonly #newest = new Map<number, Image>();
  /** The newest of a page that is as it was written: those of before hold what was deleted or moved since. */
  readonly #valid = new Map<number, number>();
  readonly #free: ReadonlySet<number>;
  readonly #pages: number;

  /** @throws what the file system throws */
  constructor(path: string) {
    const wal = `${path}-wal`;
    this.#main = existsSync(path) ? openSync(path, 'r') : undefined;
    try {
      this.#pages = this.#main === undefined ? 0 : Math.ceil(fstatSync(this.#main).size / PAGE_BYTES);
      if (existsSync(wal)) this.#wal = this.#addFrames(wal);
      this.#free = this.#freePages();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #addFrames(path: string): number {
    const fd = openSync(path, 'r');
    for (const { page, offset, isCommitted } of readWal(path).frames.toReversed()) {
      const index = this.#frames.push({ page, offset, fd }) - 1;
      if (!this.#newest.has(page)) this.#newest.set(page, { page, offset, fd });
      if (isCommitted && !this.#valid.has(page)) this.#valid.set(page, index);
    }
    return fd;
  }

  /** The pages that wait to be used again; none where their list is damaged (sqlite.org/fileformat2.html, "The Freelist"). */
  #freePages(): Set<number> {
    const free = new Set<number>();
    const header = this.page(1);
    const [first, count] = [header?.readUInt32BE(32) ?? 0, header?.readUInt32BE(36) ?? 0];
    for (let trunk = first; trunk !== 0; ) {
      const bytes = free.has(trunk) ? undefined : this.page(trunk);
      const leaves = bytes?.readUInt32BE(4) ?? Number.POSITIVE_INFINITY;
      if (!bytes || leaves > PAGE_BYTES / 4 - 2) return new Set();
      free.add(trunk);
      for (let i = 0; i < leaves; i++) free.add(bytes.readUInt32BE(8 + i * 4));
      trunk = bytes.readUInt32BE(0);
    }
    return free.size === count ? free : new Set();
  }

  /** Does it hold what is not so any more: of a page that is free, or was written anew since? */
  isStale(index: number): boolean {
    const newer = this.#valid.get(this.pageOf(index));
    return this.#free.has(this.pageOf(index)) || (newer !== undefined && newer < index);
  }

  /** How many images there are; image() takes 0 to one less. */
  get images(): number {
    return this.#frames.length + this.#pages;
  }

  /** How many of them are of the write-ahead file; the database's own follow, from its end. */
  get frames(): number {
    return this.#frames.length;
  }

  /** The number of the page that an image is of. */
  pageOf(index: number): number {
    return this.#frames[index]?.page ?? this.#pages - (index - this.#frames.length);
  }

  /** @returns undefined where the disk does not give it back */
  image(index: number): Buffer | undefined {
    const image = this.#frames[index] ?? this.#imageInMain(this.pageOf(index));
    return image && read(image);
  }

  /** The newest image of a page. */
  page(number: number): Buffer | undefined {
    const image = this.#newest.get(number) ?? this.#imageInMain(number);
    return image && read(image);
  }

  close(): void {
    for (const fd of [this.#main, this.#wal]) if (fd !== undefined) closeSync(fd);
  }

  #imageInMain(page: number): Image | undefined {
    if (this.#main === undefined || page < 1 || page > this.#pages) return undefined;
    return { fd: this.#main, page, offset: (page - 1) * PAGE_BYTES };
  }
}

function read({ fd, offset }: Image): Buffer | undefined {
  // The last page of a file that was cut may be there in part.
  const bytes = Buffer.alloc(PAGE_BYTES);
  try {
    return readSync(fd, bytes, 0, PAGE_BYTES, offset) > 0 ? bytes : undefined;
  } catch {
    // A sector that the card cannot read any more.
    return undefined;
  }
}
