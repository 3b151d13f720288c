import type { Logger } from '../system/logging.ts';
import { storageError } from './database.ts';

/** How writing goes, for who asks how the collector is. */
export interface JournalStatus {
  /** Entries that are not in the database yet. */
  pending: number;
  /** What keeps them from it. */
  problem: { message: string; hint: string | undefined; sinceMs: number } | undefined;
}

/** What keeps the journal from being written: said when it begins, when it becomes something else, and when it is over. */
export class Trouble {
  readonly #path: string;
  readonly #log: Logger;
  #problem: JournalStatus['problem'];

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  get problem(): JournalStatus['problem'] {
    return this.#problem;
  }

  /** @param pending entries that wait */
  report(error: unknown, pending: number): void {
    const { message, hint } = storageError(this.#path, error);
    if (message !== this.#problem?.message) this.#log.error({ hint, pending }, message);
    this.#problem = { message, hint, sinceMs: this.#problem?.sinceMs ?? Date.now() };
  }

  over(): void {
    if (this.#problem) this.#log.info('the journal can be written again');
    this.#problem = undefined;
  }
}
