import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { Entry } from './entry.ts';
import { type Posts, readPosts } from './inbox.ts';

/** The collector's side of the inbox (inbox.ts). */
export class CollectorInbox {
  readonly #directory: string;
  readonly #log: Logger;
  #isRefused = false;

  /** @param directory the collector's runtime directory */
  constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#log = log;
  }

  /** What is there; undefined where it cannot be read, which is said once. */
  take(): Posts | undefined {
    try {
      const posts = readPosts(this.#directory);
      this.#isRefused = false;
      return posts;
    } catch (error) {
      if (!this.#isRefused)
        this.#log.error({ reason: messageOf(error) }, 'what other processes posted cannot be taken');
      this.#isRefused = true;
      return undefined;
    }
  }

  /**
   * Until the lock was released others posted; from then on they commit themselves. Tail and spool may be the next
   * collector's by now.
   */
  storeLast(store: (entries: Entry[]) => void): void {
    try {
      const { entries, remove } = readPosts(this.#directory);
      if (entries.length === 0) return;
      store(entries);
      remove();
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'what other processes posted waits for the next start');
    }
  }
}
