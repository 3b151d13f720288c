import type { Clock } from '../system/clock.ts';

/** A point of the grid that is due now, with what was missed before it. */
export interface Tick {
  /** UTC ms, a whole multiple of the interval: the time its reading carries. */
  timeMs: number;
  /** Grid points since the last tick that were not served, both ends included. */
  missed?: { fromMs: number; toMs: number; cause: 'stalled' | 'clock' };
}

/** A difference between the wall clock and the monotonic one that is a step, no drift or slew. */
const CLOCK_STEP_MS = 500;
/** Up to this share of its slot the very first point is still served: a start need not wait for the next second. A
 * WE-515 at 9600 baud takes 0.21 s. */
const LATEST_FIRST = 0.76;
/** Share of the slot in which the first sample should end. */
const LATEST_END = 0.97;
/** Up to this share of its slot a point is still served after a stall. */
const LATEST = 0.5;
/** Longest sleep at once, so that a step of the clock during it is noticed. */
const LONGEST_SLEEP_MS = 1000;

/**
 * The second grid: ticks at whole multiples of the interval in wall-clock time, each at most once, none after its first
 * half has passed. A stall is never made up for: what was missed is missed, and said.
 */
export class Grid {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #servedMs: number;
  readonly #latestFirst: number;
  #lastMs: number | undefined;
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
    this.#offsetMs = clock.wallMs() - clock.monotonicMs();
  }

  /** Waits for the next point. Rejects with the signal's reason when aborted. */
  async next(signal?: AbortSignal): Promise<Tick> {
    let stepped = this.#noticeStep();
    let timeMs = this.#target(stepped === 'back');
    for (;;) {
      const aheadMs = timeMs - this.#clock.wallMs();
      const latest = this.#lastMs === undefined ? Math.max(this.#latestFirst, LATEST) : LATEST;
      if (aheadMs <= 0 && -aheadMs <= this.#intervalMs * latest) break;
      if (aheadMs <= 0) {
        timeMs = this.#target(false);
        continue;
      }
      await this.#clock.sleep(Math.min(aheadMs, LONGEST_SLEEP_MS), signal);
      const step = this.#noticeStep();
      if (step) {
        stepped = step;
        timeMs = this.#target(step === 'back');
      }
    }
    const expectedMs = this.#lastMs === undefined || timeMs <= this.#lastMs ? timeMs : this.#lastMs + this.#intervalMs;
    this.#lastMs = timeMs;
    if (expectedMs >= timeMs) return { timeMs };
    return {
      timeMs,
      missed: {
        fromMs: expectedMs,
        toMs: timeMs - this.#intervalMs,
        cause: stepped === 'forward' ? 'clock' : 'stalled',
      },
    };
  }

  /** The point to serve next: the one after the last, unless more than half of its slot is over. */
  #target(afresh: boolean): number {
    const nowMs = this.#clock.wallMs();
    const comingMs = (Math.floor(nowMs / this.#intervalMs) + 1) * this.#intervalMs;
    const currentMs = comingMs - this.#intervalMs;
    if (afresh) return comingMs;
    if (this.#lastMs === undefined) {
      return nowMs <= currentMs + this.#intervalMs * this.#latestFirst && currentMs > this.#servedMs
        ? currentMs
        : comingMs;
    }
    const followingMs = this.#lastMs + this.#intervalMs;
    if (nowMs <= followingMs + this.#intervalMs * LATEST) return followingMs;
    return nowMs <= currentMs + this.#intervalMs * LATEST ? currentMs : comingMs;
  }

  #noticeStep(): 'forward' | 'back' | undefined {
    const offsetMs = this.#clock.wallMs() - this.#clock.monotonicMs();
    const deltaMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(deltaMs) < CLOCK_STEP_MS) return undefined;
    return deltaMs > 0 ? 'forward' : 'back';
  }
}
