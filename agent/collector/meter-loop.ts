import type { Entry } from '../journal/entry.ts';
import { corrected } from '../journal/held.ts';
import type { Journal } from '../journal/journal.ts';
import type { GapCause, Reading, Values } from '../readings/reading.ts';
import type { Memory, Sample, Source } from '../sources/source.ts';
import { SampleError } from '../sources/source.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { type Due, type DueOptions, DuePoints, type Missed, wrongSince } from './due.ts';
import type { Guard } from './guard.ts';
import { Schedule } from './schedule.ts';

export interface MeterLoopOptions extends DueOptions {
  source: Source;
  guard: Guard;
  journal: Pick<Journal, 'append' | 'appendGap'>;
  memory: Memory;
  log: Logger;
  /** Of quantities that are read less often, ms. */
  intervals?: ReadonlyMap<string, number>;
  onOutcome?: (outcome: Outcome) => void;
}

/** What became of one grid point; held when its time may be wrong, and nobody sees it until that is known. */
export type Outcome = { timeMs: number; held: boolean } & ({ reading: Reading } | { cause: GapCause; message: string });

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
    const points = new DuePoints({ ...this.#options, sampleMs: this.#options.source.leastMs?.() });
    while (!signal.aborted) {
      let due: Due;
      try {
        due = await points.next(signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (due.first && due.held) this.#options.guard.doubtTime();
      if (due.missed) this.#gap(due.missed);
      await this.#serve(due);
    }
  }

  async #serve(due: Due): Promise<void> {
    const { source, guard, clock, intervalMs } = this.#options;
    const { timeMs, elapsedMs, held, first } = due;
    const startedMs = clock.monotonicMs();
    // Not by the wall clock, which may have been set just now.
    const offsetMs = startedMs + due.offsetMs - timeMs;
    const reserve = first ? FIRST_RESERVE : RESERVE;
    const deadlineMs = startedMs + Math.min(intervalMs * (1 - reserve) - offsetMs, LONGEST_SAMPLE_MS);
    const resting = this.#schedule.resting(timeMs);
    try {
      let sample = await source.sample(deadlineMs, resting);
      let problems = guard.judge(sample.values, elapsedMs);
      if (problems.length > 0) {
        this.stats.suspicious++;
        this.#doubt(
          sample,
          problems.map((problem) => problem.message),
        );
        sample = await source.sample(deadlineMs, resting);
        problems = guard.judge(sample.values, elapsedMs);
      }
      if (problems.length > 0) {
        this.#reject(
          due,
          sample,
          problems.map((problem) => problem.message),
        );
        return;
      }
      guard.accept(sample.values, elapsedMs);
      this.#schedule.taken(sample.values, timeMs);
      this.#store(due, sample.values, offsetMs, clock.monotonicMs() - startedMs);
    } catch (error) {
      const point = { fromMs: timeMs, toMs: timeMs, held: held ?? wrongSince(due, this.#options.watch) };
      if (error instanceof SampleError) {
        this.#gap({ ...point, cause: error.gapCause, message: error.message, raw: error.raw });
      }
      // A defect of ours must not stop the collector: it is a gap like any other, and is logged with its stack.
      else {
        this.#log.error({ err: error }, 'unexpected error while reading');
        this.#gap({ ...point, cause: 'internal', message: messageOf(error) });
      }
    }
  }

  #store(due: Due, values: Values, offsetMs: number, durationMs: number): void {
    const { source, watch, onOutcome } = this.#options;
    const { timeMs, held = wrongSince(due, watch) } = due;
    const seconds = (ms: number) => Math.round(ms * 10) / 10_000;
    const timing = { start_offset: seconds(offsetMs), duration: seconds(durationMs) };
    const reading: Reading = { series: source.series, timeMs, values: { ...values, ...timing } };
    this.#append({ kind: 'reading', reading, decimals: this.#decimals, held });
    this.stats.good++;
    this.stats.lastReading = reading;
    if (this.#gapRun > 0) this.#log.info({ gaps: this.#gapRun }, 'the meter is read again');
    this.#gapRun = 0;
    onOutcome?.({ timeMs, held: held !== undefined, reading });
  }

  /** The clock may be known by the time that the sample is there. */
  #append(entry: Entry): void {
    const { journal, watch } = this.#options;
    const clock = watch?.trusted;
    const known = entry.held && clock ? corrected(entry, entry.held, clock.offsetMs) : entry;
    if (known?.kind === 'reading') journal.append(known.reading, known.decimals, known.held);
    else if (known) journal.appendGap(known.gap, known.held);
  }

  #doubt(sample: Sample, problems: string[]): void {
    this.#log.warn({ problems, raw: sample.raw }, 'suspicious sample, reading it again');
  }

  #reject(due: Due, sample: Sample, problems: string[]): void {
    const { guard, memory, source, watch } = this.#options;
    const { timeMs, elapsedMs, held = wrongSince(due, watch) } = due;
    const { suspended, replaced } = guard.suspect(sample.values, elapsedMs);
    if (suspended.length > 0) {
      memory.save(`guard/${source.series.meter}`, guard.state());
      this.#log.warn({ checks: suspended }, 'this meter never satisfies a check: it is left out from now on');
    }
    if (replaced)
      this.#log.warn(
        { before: replaced, now: sample.values },
        'the counters go on from other values: taken for another meter',
      );
    const message = problems.join('; ');
    this.#gap({ fromMs: timeMs, toMs: timeMs, cause: 'implausible', message, raw: sample.raw, held });
  }

  #gap({ fromMs, toMs, cause, message, held, raw }: Missed & { raw?: string | undefined }): void {
    const { source, intervalMs, onOutcome } = this.#options;
    this.#append({ kind: 'gap', gap: { series: source.series, fromMs, toMs, cause }, held });
    // How long it is may not be known yet.
    const points = held?.fromMs === undefined ? Math.round((toMs - fromMs) / intervalMs) + 1 : 1;
    this.stats.gaps[cause] = (this.stats.gaps[cause] ?? 0) + points;
    this.stats.lastGap = { timeMs: toMs, cause, message };
    this.#gapRun += points;
    // A dead meter is said once; its gaps are in the journal.
    const details = { cause, from: new Date(fromMs).toISOString(), points, ...(raw ? { raw } : {}) };
    if (this.#gapRun <= SEVERAL_GAPS) this.#log.warn(details, `gap: ${message}`);
    else this.#log.debug(details, `gap: ${message}`);
    onOutcome?.({ timeMs: toMs, held: held !== undefined, cause, message });
  }
}
