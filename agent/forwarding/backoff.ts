export interface BackoffOptions {
  firstMs: number;
  longestMs: number;
  /** 0 to below 1; injected by tests. */
  random?: () => number;
}

export const DEFAULT_BACKOFF: BackoffOptions = { firstMs: 1000, longestMs: 60_000 };

/** Pauses that double from try to try, each shortened by up to half at random, so that a fleet does not come at once. */
export class Backoff {
  readonly #options: BackoffOptions;
  #tries = 0;

  constructor(options: BackoffOptions = DEFAULT_BACKOFF) {
    this.#options = options;
  }

  /** @param atLeastMs what the server asked for */
  nextMs(atLeastMs = 0): number {
    const { firstMs, longestMs, random = Math.random } = this.#options;
    const ms = Math.min(longestMs, firstMs * 2 ** Math.min(this.#tries++, 30)) * (1 - random() / 2);
    return Math.max(ms, atLeastMs);
  }

  reset(): void {
    this.#tries = 0;
  }
}
