import { Problem } from './problem.ts';

const WINDOW_MS = 60_000;
/** Wrong passwords a minute, from one address and from all. */
const MOST_OF_ONE = 5;
const MOST_OF_ALL = 30;

/** Wrong passwords are bounded: a guess costs a hash, and guessing should not be worth it. */
export class Tries {
  readonly #nowMs: () => number;
  /** Times of the wrong ones, by address. */
  #failed = new Map<string, number[]>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** @throws Problem 429 */
  require(from: string): void {
    this.#forget();
    const all = [...this.#failed.values()].flat();
    const own = this.#failed.get(from) ?? [];
    if (own.length < MOST_OF_ONE && all.length < MOST_OF_ALL) return;
    const oldest = Math.min(...(own.length >= MOST_OF_ONE ? own : all));
    const seconds = Math.max(1, Math.ceil((oldest + WINDOW_MS - this.#nowMs()) / 1000));
    throw new Problem(429, 'Too Many Requests', `too many wrong passwords; try again in ${seconds} s`, {
      headers: { 'retry-after': String(seconds) },
    });
  }

  failed(from: string): void {
    const key = this.#failed.get(from) ?? [];
    this.#failed.set(from, [...key, this.#nowMs()]);
  }

  #forget(): void {
    const sinceMs = this.#nowMs() - WINDOW_MS;
    for (const [from, times] of this.#failed) {
      // A clock that was set back forgets them as well.
      const recent = times.filter((timeMs) => timeMs > sinceMs && timeMs <= this.#nowMs());
      if (recent.length === 0) this.#failed.delete(from);
      else this.#failed.set(from, recent);
    }
  }
}
