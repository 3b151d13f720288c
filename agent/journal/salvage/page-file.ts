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
  readonly #pages: number;

  /** @throws what the file system throws */
  constructor(path: string) {
    const wal = `${path}-wal`;
    this.#main = existsSync(path) ? openSync(path, 'r') : undefined;
    try {
      this.#pages = this.#main === undefined ? 0 : Math.ceil(fstatSync(this.#main).size / PAGE_BYTES);
      if (!existsSync(wal)) return;
      const fd = openSync(wal, 'r');
      this.#wal = fd;
      for (const frame of readWal(wal).frames.toReversed()) {
        const image = { ...frame, fd };
        this.#frames.push(image);
        if (!this.#newest.has(frame.page)) this.#newest.set(frame.page, image);
      }
    } catch (error) {
      this.close();
      throw error;
    }
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
