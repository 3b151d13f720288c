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

/** A difference between the wall clock and the monotonic one that is a step, no drift or slew. */
export const CLOCK_STEP_MS = 500;

/** How a wall clock went: by how much it was ahead of the time since the machine's boot. */
export interface ClockStamp {
  /** The kernel's id of the boot. */
  boot: string;
  offsetMs: number;
}

/** A process that was held up between two looks at the clocks would take that for a step. */
const PAIR_MS = 20;
const PAIR_TRIES = 5;

/** By how much the wall clock is ahead of the monotonic one, both read at once. */
export function offsetOf(clock: Clock): number {
  for (let attempt = 1; ; attempt++) {
    const beforeMs = clock.monotonicMs();
    const wallMs = clock.wallMs();
    const afterMs = clock.monotonicMs();
    if (afterMs - beforeMs < PAIR_MS || attempt === PAIR_TRIES) return wallMs - (beforeMs + afterMs) / 2;
  }
}
