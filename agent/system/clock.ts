import { setTimeout as sleep } from 'node:timers/promises';

/** Wall and monotonic time, in milliseconds with fractions. Injected, so that tests can jump and stall it. */
export interface Clock {
  /** UTC milliseconds since 1970. Can jump: the Pi has no real-time clock. */
  wallMs(): number;
  /** Milliseconds since some fixed moment. Never jumps. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  // Date.now() has whole milliseconds only; performance.timeOrigin would miss later steps of the clock.
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};
