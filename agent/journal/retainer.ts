import type { Logger } from '../system/logging.ts';
import type { CommitResult } from './committer.ts';
import { journalPath, storageError } from './database.ts';
import type { JournalOptions } from './options.ts';
import { HELD_HINT } from './placer.ts';
import { applyRetention } from './retention.ts';
import type { StoreKeeper } from './store.ts';

const UNTAKEN_HINT = 'mend the server, take it out of the configuration, or raise journal.maxSize';

/** Deletes the oldest after each commit, and at the flushes after it while there is more to delete than one chunk. */
export class Retainer {
  readonly #options: JournalOptions;
  #isDue = false;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Something was committed. */
  begin(): void {
    this.#isDue = true;
  }

  step(store: StoreKeeper): void {
    if (!this.#isDue) return;
    const { log, stateDir } = this.#options;
    try {
      const { untaken, losers, more } = store.use(({ db }) => applyRetention(db, this.#options, Date.now()));
      this.#isDue = more;
      if (untaken > 0) {
        const text =
          'the journal is as large as it may be: retention deleted readings that not everybody had taken yet';
        log.error({ readings: untaken, consumers: losers, hint: UNTAKEN_HINT }, text);
      }
    } catch (error) {
      log.warn(storageError(journalPath(stateDir), error).message);
    }
  }
}

const ASIDE =
  'these seconds have another reading already, which stays; the second ones are set aside: was the clock set back?';

/** What a commit could not store as it is. */
export function reportCommit({ refused, aside, dropped }: CommitResult, log: Logger): void {
  for (const { entry, reason } of refused) log.error({ entry, reason }, 'an entry cannot be stored and is dropped');
  if (aside > 0) log.error({ readings: aside, hint: HELD_HINT }, ASIDE);
  if (dropped > 0) log.error({ entries: dropped }, 'too much is held: the oldest entries are dropped');
}
