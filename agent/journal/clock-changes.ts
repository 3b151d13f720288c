import type { Entry } from './entry.ts';
import type { KnownClock } from './recall.ts';

/** Clocks that became known, oldest first, each with what was appended before it, until the disk has taken that. */
export class ClockChanges {
  readonly #changes: { clock: KnownClock; before: ReadonlySet<Entry> }[] = [];

  add(clock: KnownClock, before: Iterable<Entry>): void {
    this.#changes.push({ clock, before: new Set(before) });
  }

  /**
   * Commits what came before each clock, and only then begins with it: what comes behind is not to be taken for its
   * predecessor's.
   * @param batches all that is not committed yet
   * @throws what committing or beginning throws; the same goes on with the next call
   */
  apply(
    batches: readonly (readonly Entry[])[],
    commit: (batches: readonly (readonly Entry[])[]) => void,
    begin: (clock: KnownClock) => void,
  ): void {
    for (let [change] = this.#changes; change; [change] = this.#changes) {
      const { clock, before } = change;
      commit(batches.map((batch) => batch.filter((entry) => before.has(entry))));
      begin(clock);
      this.#changes.shift();
    }
  }
}
