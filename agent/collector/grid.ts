import { LARGEST_GRID_MS, snapped } from '../journal/held.ts';
import { CLOCK_STEP_MS, type Clock, offsetOf } from '../system/clock.ts';

/** A point of the grid that is due now, with what was missed before it. */
export interface Tick {
  /** UTC ms, a whole multiple of the interval: the time its reading carries. */
  timeMs: number;
  /** By how much the wall clock is ahead of the monotonic one, as it was when the point was due. */
  offsetMs: number;
  /** Grid points since the last tick that were not served, both ends included. */
  missed?: { fromMs: number; toMs: number; cause: 'stalled' | 'clock' };
}

type Step = 'forward' | 'back' | 'corrected';

/** Up to this share of its slot the very first point is still served: a start need not wait for the next second. A
 * WE-515 at 9600 baud takes 0.21 s. */
const LATEST_FIRST = 0.76;
/** Share of the slot in which the first sample should end. */
const LATEST_END = 0.97;
/** Up to this share of its slot a point is still served after a stall. */
const LATEST = 0.5;
/** Longest sleep at once, so that a step of the clock during it is noticed. */
const LONGEST_SLEEP_MS = 1000;
/** A clock that was set back by this much, in points, is waited for: they have been read. */
const WAITED_POINTS = 2;

/**
 * The second grid: ticks at whole multiples of the interval in wall-clock time, none after its first half has passed, and
 * each once, unless the clock is set back over many. A stall is never made up for: what was missed is missed, and said.
 */
export class Grid {
  /** Was the clock in doubt at the last tick? Then a step of it says nothing about time that has passed. */
  doubted = false;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #servedMs: number;
  readonly #latestFirst: number;
  /** The last point, by the clock as it goes now: no whole multiple any more when the clock was corrected. */
  #lastMs: number | undefined;
  /** The same on the monotonic clock. */
  #lastMonotonicMs = Number.NEGATIVE_INFINITY;
  #offsetMs: number;

  /**
   * @param servedMs the last point that was served before this start; it is not served again
   * @param sampleMs how long a sample takes at least: the very first point is served only where there is time for one
   */
  constructor(intervalMs: number, clock: Clock, servedMs = Number.NEGATIVE_INFINITY, sampleMs = 0) {
    this.#intervalMs = intervalMs;
    this.#servedMs = servedMs;
    this.#latestFirst = Math.max(0, Math.min(LATEST_FIRST, LATEST_END - sampleMs / intervalMs));
    this.#clock = clock;
    this.#offsetMs = offsetOf(clock);
  }

  /** Waits for the next point. Rejects with the signal's reason when aborted. */
  async next(signal?: AbortSignal): Promise<Tick> {
    let stepped = this.#noticeStep();
    let timeMs = this.#target(stepped);
    for (;;) {
      const nowMs = this.#nowMs();
      const aheadMs = timeMs - nowMs;
      const latest = this.#lastMs === undefined ? Math.max(this.#latestFirst, LATEST) : LATEST;
      if (aheadMs <= 0 && -aheadMs <= this.#intervalMs * latest) break;
      if (aheadMs <= 0) {
        timeMs = this.#target();
        continue;
      }
      await this.#clock.sleep(Math.min(aheadMs, LONGEST_SLEEP_MS), signal);
      const step = this.#noticeStep();
      if (step) {
        stepped = step;
        timeMs = this.#target(step);
      }
    }
    const tick = { timeMs, offsetMs: this.#offsetMs };
    const expectedMs = this.#lastMs === undefined ? timeMs : this.#expected(this.#lastMs);
    this.#lastMs = timeMs;
    this.#lastMonotonicMs = timeMs - this.#offsetMs;
    if (expectedMs >= timeMs) return tick;
    const cause = stepped === 'forward' ? 'clock' : 'stalled';
    return { ...tick, missed: { fromMs: expectedMs, toMs: timeMs - this.#intervalMs, cause } };
  }

  /** The wall clock as it was at the last look for a step: one that comes after it is seen at the next. */
  #nowMs(): number {
    return this.#clock.monotonicMs() + this.#offsetMs;
  }

  /** The first point behind the one that was served last. */
  #following(lastMs: number): number {
    return this.#after(this.#snapped(lastMs));
  }

  /** The first point that is an interval behind it: what comes later is missed. */
  #expected(lastMs: number): number {
    return Math.ceil(this.#snapped(lastMs) / this.#intervalMs + 1) * this.#intervalMs;
  }

  /** Where a reading of this point lies once the clock is corrected; what was right is as it is. */
  #snapped(timeMs: number): number {
    return snapped(timeMs, Math.min(this.#intervalMs, LARGEST_GRID_MS));
  }

  /** The first point behind a time. */
  #after(timeMs: number): number {
    return (Math.floor(timeMs / this.#intervalMs) + 1) * this.#intervalMs;
  }

  /** The point to serve next: the one after the last, unless more than half of its slot is over. */
  #target(stepped?: Step): number {
    const nowMs = this.#nowMs();
    const comingMs = this.#after(nowMs);
    const currentMs = comingMs - this.#intervalMs;
    if (this.#lastMs === undefined) {
      if (stepped === 'back') return comingMs;
      return nowMs <= currentMs + this.#intervalMs * this.#latestFirst && currentMs > this.#servedMs
        ? currentMs
        : comingMs;
    }
    const followingMs = this.#following(this.#lastMs);
    if (stepped === 'back' && followingMs - comingMs > this.#intervalMs * WAITED_POINTS) return comingMs;
    if (nowMs <= followingMs + this.#intervalMs * LATEST) return followingMs;
    // A clock that was set forward makes another point of the one that was just served.
    const isServed = currentMs - this.#offsetMs < this.#lastMonotonicMs + this.#intervalMs * LATEST;
    return nowMs <= currentMs + this.#intervalMs * LATEST && !isServed ? currentMs : comingMs;
  }

  #noticeStep(): Step | undefined {
    const offsetMs = offsetOf(this.#clock);
    const deltaMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    const isCorrected = this.doubted && this.#lastMs !== undefined;
    // What was read by a clock in doubt moves with it, and so does the point that it was read for.
    if (this.doubted && this.#lastMs !== undefined) this.#lastMs += deltaMs;
    if (Math.abs(deltaMs) < CLOCK_STEP_MS) return undefined;
    if (isCorrected) return 'corrected';
    return deltaMs > 0 ? 'forward' : 'back';
  }
}
