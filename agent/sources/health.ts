import { BusError } from '../modbus/bus-error.ts';

/** How a meter that gives no answer is asked. */
export interface SilenceTiming {
  /** Silent for this long, a meter is taken for dead, and asked less often where others share its line. */
  deadAfterMs: number;
  /** Longest time between two requests to a dead meter: it is found again within this time. */
  longestPauseMs: number;
}

export const DEFAULT_SILENCE: SilenceTiming = { deadAfterMs: 3000, longestPauseMs: 5000 };

const LEAST_SILENCES = 3;

/** So many times as long as it takes to be taken for dead, a meter has to answer to be relied on again. */
const TRUSTED_AFTER = 10;

interface Silence {
  sinceMs: number;
  /** Requests, and the points of the grid that they were for. */
  count: number;
  points: number;
  pointMs: number;
  dead: boolean;
  pauseMs: number;
  againMs: number;
  last: BusError;
}

/** Whether one meter answers, and since when it does not. Times are on performance.now()'s scale. */
export class Health {
  readonly #timing: SilenceTiming;
  #heard = false;
  #lastSilenceMs = Number.NEGATIVE_INFINITY;
  #silence: Silence | undefined;

  constructor(timing: SilenceTiming) {
    this.#timing = timing;
  }

  /** It answered when it was last asked. */
  get answers(): boolean {
    return this.#heard && !this.#silence;
  }

  /** Silent for so long that it is asked less often. */
  get isDead(): boolean {
    return this.#silence?.dead ?? false;
  }

  /** It gave no answer when it was last asked. */
  get isUnanswered(): boolean {
    return this.#silence !== undefined;
  }

  /** Silent in more than one point of its grid: one lost answer makes nobody come last. */
  get isSilent(): boolean {
    return (this.#silence?.points ?? 0) > 1;
  }

  /** It gave no answer lately, and may well do so again. */
  isShaky(nowMs: number): boolean {
    return nowMs - this.#lastSilenceMs < this.#timing.deadAfterMs * TRUSTED_AFTER;
  }

  answered(): void {
    this.#heard = true;
    this.#silence = undefined;
  }

  /** The line is another one now: what was silent there may answer here. */
  askAgain(): void {
    if (this.#silence) this.#silence.againMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * A request had this end.
   * @param pointMs when the point of the grid began that it belongs to
   * @returns what to tell: final when another request in the same point would be of no use
   */
  failed(error: BusError, pointMs: number, nowMs: number): BusError {
    const { byGateway } = error;
    if (error.kind === 'exception' && !byGateway) {
      this.answered();
      return error;
    }
    if (error.kind !== 'timeout' && !byGateway) return error;
    const { deadAfterMs, longestPauseMs } = this.#timing;
    const begun = {
      sinceMs: nowMs,
      count: 0,
      points: 0,
      pointMs: Number.NaN,
      dead: false,
      pauseMs: deadAfterMs / 6,
      againMs: 0,
      last: error,
    };
    const silence: Silence = this.#silence ?? begun;
    this.#silence = silence;
    silence.count++;
    this.#lastSilenceMs = nowMs;
    if (silence.pointMs !== pointMs) silence.points++;
    silence.pointMs = pointMs;
    silence.last = error;
    silence.dead = silence.count >= LEAST_SILENCES && nowMs - silence.sinceMs >= deadAfterMs;
    if (silence.dead) {
      silence.pauseMs = Math.min(silence.pauseMs * 2, longestPauseMs);
      // Points begin some milliseconds late: a little less, or each pause would be a point longer.
      silence.againMs = pointMs + silence.pauseMs * 0.95;
    }
    return silence.dead || byGateway ? asFinal(error, error.message) : error;
  }

  /** The last failure once more, where asking again would be of no use; undefined while it is heard. */
  unheard(): BusError | undefined {
    return this.#silence && asFinal(this.#silence.last, this.#silence.last.message);
  }

  /** Why it is not asked now; undefined: ask. */
  resting(nowMs: number): BusError | undefined {
    const silence = this.#silence;
    if (!silence || nowMs >= silence.againMs) return undefined;
    const seconds = (ms: number) => (ms / 1000).toFixed(0);
    const text = `no answer for ${seconds(nowMs - silence.sinceMs)} s; asked again each ${seconds(silence.pauseMs)} s`;
    return asFinal(silence.last, text);
  }
}

function asFinal({ kind, exceptionCode, raw, cause }: BusError, message: string): BusError {
  return new BusError(kind, message, { exceptionCode, raw, final: true, cause });
}
