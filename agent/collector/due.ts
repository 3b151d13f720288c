import type { Held } from '../journal/entry.ts';
import { correctedMs, LARGEST_GRID_MS } from '../journal/held.ts';
import type { GapCause } from '../readings/reading.ts';
import type { Clock } from '../system/clock.ts';
import { type ClockWatch, LARGE_STEP_MS } from './clock-watch.ts';
import { Grid, type Tick } from './grid.ts';

export interface DueOptions {
  clock: Clock;
  intervalMs: number;
  /** Says when readings are to be held; without one the clock is always right. */
  watch?: Pick<ClockWatch, 'stamp' | 'trusted' | 'confirmed'> | undefined;
  /** How long a sample takes at least. */
  sampleMs?: number | undefined;
  /** The last point of this series that the journal knows of; what lies between it and the first tick is a gap. */
  lastKnownMs?: number | undefined;
  /** That point has the time of a clock in doubt, as it goes now. */
  lastIsHeld?: boolean | undefined;
}

/** Points that nobody served, both ends included. */
export interface Missed {
  fromMs: number;
  toMs: number;
  cause: GapCause;
  message: string;
  held: Held | undefined;
}

/** A point of the grid that is to be served now. */
export interface Due {
  /** UTC ms, by the wall clock. */
  timeMs: number;
  /** By how much the wall clock was ahead of the monotonic one. */
  offsetMs: number;
  /** What its reading is to be held with, while the wall clock is in doubt. */
  held: Held | undefined;
  /** How the wall clock went, in doubt or not; undefined where it is always right. */
  by: Held | undefined;
  /** The time by a clock that nobody sets: the wall clock as it was at the first point, and monotonic from there. */
  elapsedMs: number;
  first: boolean;
  /** The clock is trusted, and a time server or so has said that it is right. */
  confirmed: boolean;
  missed: Missed | undefined;
}

/**
 * What is read for a point while a time server says that the clock, which nobody had confirmed, was wrong: all that was
 * stored before is taken back then (journal/recall.ts), and this is not stored yet.
 * @returns how it has to be corrected; undefined when the clock goes as it did
 */
export function wrongSince({ by, confirmed }: Due, watch: DueOptions['watch']): Held | undefined {
  const now = watch?.confirmed ? watch.trusted : undefined;
  const isOther = now && by && !confirmed && Math.abs(now.offsetMs - by.offsetMs) >= LARGE_STEP_MS;
  return isOther ? by : undefined;
}

/** The points of the grid with what the clock makes of them: by a clock in doubt they are held. */
export class DuePoints {
  readonly #options: DueOptions;
  readonly #grid: Grid;
  #last: Due | undefined;

  constructor(options: DueOptions) {
    this.#options = options;
    this.#grid = new Grid(options.intervalMs, options.clock, options.lastKnownMs, options.sampleMs);
  }

  /** Waits for the next point. Rejects with the signal's reason when aborted. */
  async next(signal: AbortSignal): Promise<Due> {
    for (;;) {
      const tick = await this.#grid.next(signal);
      const due = this.#due(tick);
      this.#grid.doubted = due.held !== undefined;
      if (this.#isServed(due)) continue;
      this.#last = due;
      return due;
    }
  }

  #due(tick: Tick): Due {
    const { watch, intervalMs } = this.#options;
    const { timeMs, offsetMs } = tick;
    const stamp = watch?.stamp(offsetMs);
    const gridMs = Math.min(intervalMs, LARGEST_GRID_MS);
    const held = stamp && { ...stamp, gridMs };
    const trusted = watch?.trusted;
    const by = held ?? (trusted && { ...trusted, gridMs });
    const last = this.#last;
    const elapsedMs = last ? last.elapsedMs + (timeMs - offsetMs) - (last.timeMs - last.offsetMs) : timeMs;
    const confirmed = watch?.confirmed ?? true;
    const due = { timeMs, offsetMs, held, by, elapsedMs, confirmed, first: !last };
    return { ...due, missed: last ? missed(tick, due, last) : this.#stop(tick, held) };
  }

  /** Was this very point read by a clock that was in doubt, or wrong, as it turns out now? */
  #isServed({ timeMs, held }: Due): boolean {
    const { watch } = this.#options;
    const last = this.#last;
    const clock = watch?.trusted;
    const by = last && (last.held ?? wrongSince(last, watch));
    return !held && !!clock && !!by && timeMs <= correctedMs(last.timeMs, by, clock.offsetMs);
  }

  /** Between the last thing the journal knows and the first tick nobody was reading. */
  #stop({ timeMs }: Tick, held: Held | undefined): Missed | undefined {
    const { lastKnownMs, lastIsHeld, intervalMs } = this.#options;
    if (lastKnownMs === undefined) return undefined;
    const fromMs = (Math.floor(lastKnownMs / intervalMs) + 1) * intervalMs;
    const toMs = timeMs - intervalMs;
    const known = { cause: 'stopped', message: 'the collector was not running' } as const;
    // Where it ends is not known yet: it may be none.
    if (held && !lastIsHeld) return { ...known, fromMs, toMs, held: { ...held, fromMs } };
    return fromMs <= toMs ? { ...known, fromMs, toMs, held } : undefined;
  }
}

function missed({ missed: what }: Tick, due: Omit<Due, 'missed'>, last: Due): Missed | undefined {
  if (!what) return undefined;
  const { held } = due;
  // What was stored by the clock as it went before moves as well (journal/recall.ts).
  const wasWrong = due.confirmed && !last.confirmed && Math.abs(due.offsetMs - last.offsetMs) >= LARGE_STEP_MS;
  if (wasWrong && what.cause === 'clock') return undefined;
  const message = what.cause === 'clock' ? 'the clock was set forward' : 'the process was stalled';
  // The step that brought the doubt may be taken back: only where the gap begins is known.
  return { ...what, message, held: held && !last.held ? { ...held, fromMs: what.fromMs } : held };
}
