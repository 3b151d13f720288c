import { type AzureFailure, failureOf } from './failure.ts';

export interface AttemptOptions {
  /** Longest wait of one try without progress. */
  timeoutMs: number;
  /** At least one. */
  tries: number;
  /** Pause before the second try; each further one is twice as long. */
  pauseMs: number;
  /** 0 to 1, for the jitter. */
  random: () => number;
  sleep: (ms: number) => Promise<unknown>;
}

/** What a try gets: a signal that ends it, and a way to say that it moves. */
export interface Try {
  signal: AbortSignal;
  /** Bytes moved: the deadline begins anew. */
  alive(): void;
}

/** A server may ask for longer than a run wants to wait. */
const LONGEST_PAUSE_MS = 60_000;

/**
 * Tries until it succeeds, or cannot, or often enough. Each try has a deadline of its own: a socket that hangs does not use
 * up the tries after it. The SDK's own retries are off: its timeout does not end a socket that hangs.
 * @throws AzureFailure of the last try
 */
export async function attempt<T>(options: AttemptOptions, work: (one: Try) => Promise<T>): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await once(options.timeoutMs, work);
    } catch (error) {
      const failure = error as AzureFailure;
      if (n >= options.tries || !failure.passes) throw failure;
      await options.sleep(pauseOf(options, n, failure));
    }
  }
}

/** Half of the pause is by chance: machines that were refused together do not come back together. */
function pauseOf({ pauseMs, random }: AttemptOptions, n: number, { retryAfterMs }: AzureFailure): number {
  if (retryAfterMs !== undefined) return Math.min(retryAfterMs, LONGEST_PAUSE_MS);
  return Math.min(pauseMs * 2 ** (n - 1) * (0.75 + random() / 2), LONGEST_PAUSE_MS);
}

async function once<T>(timeoutMs: number, work: (one: Try) => Promise<T>): Promise<T> {
  // AbortSignal.timeout would keep each request, with its body, until the time is over.
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  let over = false;
  // A timer that was cleared would run again.
  const alive = () => {
    if (!over) timer.refresh();
  };
  const ended = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });
  try {
    // Not all that the SDK waits for ends with the signal.
    return await Promise.race([work({ signal: controller.signal, alive }), ended]);
  } catch (error) {
    throw failureOf(error, controller.signal.aborted, timeoutMs);
  } finally {
    over = true;
    clearTimeout(timer);
  }
}
