import { setTimeout as sleep } from 'node:timers/promises';
import { type Store, storeWith } from './store.ts';

export interface Pace {
  /** Monotonic, ms: the clock of a Pi jumps when it gets the time. */
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

const REAL: Pace = { now: () => performance.now(), sleep };

/**
 * A store whose `put` leaves the line to others: each begins when what was sent before is paid for at this rate. The first
 * goes at once, small ones after a pause or one another hardly wait, and time in which nothing was sent is not made up for:
 * so any stretch of a run, from one `put` to the beginning of another, has at most this rate.
 * @param bytesPerSecond more than 0
 */
export function limitBandwidth(store: Store, bytesPerSecond: number, pace: Pace = REAL): Store {
  let freeMs = Number.NEGATIVE_INFINITY;
  return storeWith(store, {
    put: async (name, data) => {
      const nowMs = pace.now();
      const beginsMs = Math.max(nowMs, freeMs);
      freeMs = beginsMs + (data.length / bytesPerSecond) * 1000;
      if (beginsMs > nowMs) await pace.sleep(beginsMs - nowMs);
      return store.put(name, data);
    },
  });
}
