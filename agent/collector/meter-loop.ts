import type { Journal } from '../journal/journal.ts';
import type { Gap, GapCause, Reading, Values } from '../readings/reading.ts';
import type { Memory, Sample, Source } from '../sources/source.ts';
import { SampleError } from '../sources/source.ts';
import type { Clock } from '../system/clock.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { Grid, type Tick } from './grid.ts';
import type { Guard } from './guard.ts';
import { Schedule } from './schedule.ts';

export interface MeterLoopOptions {
  source: Source;
  guard: Guard;
  journal: Pick<Journal, 'append' | 'appendGap'>;
  memory: Memory;
  clock: Clock;
  log: Logger;
  intervalMs: number;
  /** Of quantities that are read less often, ms. */
  intervals?: ReadonlyMap<string, number>;
  /** The last point of this series that the journal knows of; what lies between it and the first tick is a gap. */
  lastKnownMs?: number | undefined;
  onOutcome?: (outcome: Outcome) => void;
}

/** What became of one grid point. */
export type Outcome = { timeMs: number; reading: Reading } | { timeMs: number; cause: GapCause; message: string };

/** What a loop has done since its start. */
export interface LoopStats {
  good: number;
  gaps: Partial<Record<GapCause, number>>;
  /** Samples that a guard doubted; those that were right when read again are among `good`. */
  suspicious: number;
  lastReading: Reading | undefined;
  lastGap: { timeMs: number; cause: GapCause; message: string } | undefined;
}

/** Share of the interval that is left free at its end, so that a slow sample never disturbs the next point. */
const RESERVE = 0.03;
/** Nothing comes after the very first point that a few late milliseconds could disturb for long. */
const FIRST_RESERVE = 0.01;

/** A sample that takes longer belongs to its grid point no more, however long the interval. */
const LONGEST_SAMPLE_MS = 3000;

/** Offsets and durations are stored in seconds, to the tenth of a millisecond. */
const TIMING_DECIMALS = { start_offset: 4, duration: 4 };

const SEVERAL_GAPS = 10;

/** Reads one source at each point of the grid; each point ends as a reading or as a gap, in the journal. */
export class MeterLoop {
  readonly stats: LoopStats = { good: 0, gaps: {}, suspicious: 0, lastReading: undefined, lastGap: undefined };
  readonly #options: MeterLoopOptions;
  readonly #log: Logger;
  readonly #decimals: Readonly<Record<string, number>>;
  readonly #schedule: Schedule;
  #gapRun = 0;

  constructor(options: MeterLoopOptions) {
    this.#options = options;
    this.#log = options.log.child({ meter: options.source.series.meter });
    this.#decimals = { ...options.source.decimals, ...TIMING_DECIMALS };
    this.#schedule = new Schedule(options.intervals);
  }

  /** Runs until the signal aborts; the sample under way is finished or timed out first. */
  async run(signal: AbortSignal): Promise<void> {
    const { source, intervalMs, clock, lastKnownMs } = this.#options;
    const grid = new Grid(intervalMs, clock, lastKnownMs, source.leastMs?.());
    let first = true;
    while (!signal.aborted) {
      let tick: Tick;
      try {
        tick = await grid.next(signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (first) this.#recordStop(tick.timeMs);
      const reserve = first ? FIRST_RESERVE : RESERVE;
      first = false;
      if (tick.missed) {
        const { fromMs, toMs, cause } = tick.missed;
        this.#gap(fromMs, toMs, cause, cause === 'clock' ? 'the clock was set forward' : 'the process was stalled');
      }
      await this.#serve(tick.timeMs, reserve);
    }
  }

  async #serve(timeMs: number, reserve: number): Promise<void> {
    const { source, guard, clock, intervalMs } = this.#options;
    const startedMs = clock.monotonicMs();
    const offsetMs = clock.wallMs() - timeMs;
    const deadlineMs = startedMs + Math.min(intervalMs * (1 - reserve) - offsetMs, LONGEST_SAMPLE_MS);
    const resting = this.#schedule.resting(timeMs);
    try {
      let sample = await source.sample(deadlineMs, resting);
      let problems = guard.judge(sample.values, timeMs);
      if (problems.length > 0) {
        this.stats.suspicious++;
        this.#doubt(
          sample,
          problems.map((problem) => problem.message),
        );
        sample = await source.sample(deadlineMs, resting);
        problems = guard.judge(sample.values, timeMs);
      }
      if (problems.length > 0) {
        this.#reject(
          timeMs,
          sample,
          problems.map((problem) => problem.message),
        );
        return;
      }
      guard.accept(sample.values, timeMs);
      this.#schedule.taken(sample.values, timeMs);
      this.#store(timeMs, sample.values, offsetMs, clock.monotonicMs() - startedMs);
    } catch (error) {
      if (error instanceof SampleError) this.#gap(timeMs, timeMs, error.gapCause, error.message, error.raw);
      // A defect of ours must not stop the collector: it is a gap like any other, and is logged with its stack.
      else {
        this.#log.error({ err: error }, 'unexpected error while reading');
        this.#gap(timeMs, timeMs, 'internal', messageOf(error));
      }
    }
  }

  #store(timeMs: number, values: Values, offsetMs: number, durationMs: number): void {
    const { source, journal, onOutcome } = this.#options;
    const seconds = (ms: number) => Math.round(ms * 10) / 10_000;
    const timing = { start_offset: seconds(offsetMs), duration: seconds(durationMs) };
    const reading: Reading = { series: source.series, timeMs, values: { ...values, ...timing } };
    journal.append(reading, this.#decimals);
    this.stats.good++;
    this.stats.lastReading = reading;
    if (this.#gapRun > 0) this.#log.info({ gaps: this.#gapRun }, 'the meter is read again');
    this.#gapRun = 0;
    onOutcome?.({ timeMs, reading });
  }

  #doubt(sample: Sample, problems: string[]): void {
    this.#log.warn({ problems, raw: sample.raw }, 'suspicious sample, reading it again');
  }

  #reject(timeMs: number, sample: Sample, problems: string[]): void {
    const { guard, memory, source } = this.#options;
    const { suspended, replaced } = guard.suspect(sample.values, timeMs);
    if (suspended.length > 0) {
      memory.save(`guard/${source.series.meter}`, guard.state());
      this.#log.warn({ checks: suspended }, 'this meter never satisfies a check: it is left out from now on');
    }
    if (replaced)
      this.#log.warn(
        { before: replaced, now: sample.values },
        'the counters go on from other values: taken for another meter',
      );
    this.#gap(timeMs, timeMs, 'implausible', problems.join('; '), sample.raw);
  }

  #gap(fromMs: number, toMs: number, cause: GapCause, message: string, raw?: string): void {
    const { source, journal, intervalMs, onOutcome } = this.#options;
    const gap: Gap = { series: source.series, fromMs, toMs, cause };
    journal.appendGap(gap);
    const points = Math.round((toMs - fromMs) / intervalMs) + 1;
    this.stats.gaps[cause] = (this.stats.gaps[cause] ?? 0) + points;
    this.stats.lastGap = { timeMs: toMs, cause, message };
    this.#gapRun += points;
    // A dead meter is said once; its gaps are in the journal.
    const details = { cause, from: new Date(fromMs).toISOString(), points, ...(raw ? { raw } : {}) };
    if (this.#gapRun <= SEVERAL_GAPS) this.#log.warn(details, `gap: ${message}`);
    else this.#log.debug(details, `gap: ${message}`);
    onOutcome?.({ timeMs: toMs, cause, message });
  }

  /** Between the last thing the journal knows and the first tick nobody was reading. */
  #recordStop(firstMs: number): void {
    const { lastKnownMs, intervalMs } = this.#options;
    if (lastKnownMs === undefined || firstMs - lastKnownMs <= intervalMs) return;
    const fromMs = (Math.floor(lastKnownMs / intervalMs) + 1) * intervalMs;
    if (fromMs <= firstMs - intervalMs)
      this.#gap(fromMs, firstMs - intervalMs, 'stopped', 'the collector was not running');
  }
}
