import { isDeepStrictEqual } from 'node:util';
import { meterModel } from '../config/meter-model.ts';
import type { MeterConfig } from '../config/schema.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalReader } from '../journal/reader.ts';
import { intervalsOf } from '../meters/intervals.ts';
import type { MeterModel } from '../meters/model.ts';
import { METER_MEASUREMENT, type Series } from '../readings/reading.ts';
import type { ClockSync } from '../service/clock-sync.ts';
import { ModbusMeter } from '../sources/modbus-meter.ts';
import type { Memory } from '../sources/source.ts';
import type { Clock } from '../system/clock.ts';
import type { ClockEvidence } from '../system/clock-state.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { Zone } from '../system/zone.ts';
import type { Progress } from './announcer.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { DueOptions } from './due.ts';
import { Guard, type GuardState } from './guard.ts';
import { latestReadings } from './latest-readings.ts';
import type { Lines, Seat } from './lines.ts';
import { MeterLoop, type Outcome } from './meter-loop.ts';
import type { MeterStatus } from './status.ts';

export interface MeteringOptions {
  config: MeterConfig;
  lines: Lines;
  journal: Journal;
  clock: Clock;
  watch: ClockWatch | undefined;
  /** Speaks for the clock where a meter is set by it. */
  evidence: ClockEvidence | undefined;
  /** What the meter's clock shows when it is right. */
  zone: () => Zone;
  log: Logger;
  onOutcome: (series: Series, outcome: Outcome) => void;
}

/** A loop that has no outcome for so many intervals, and so long besides, stands still. */
const STILL_INTERVALS = 3;
const STILL_MS = 30_000;

/** One meter of the configuration while it is read: its place on a line, its guard, its loop. */
export class Metering {
  readonly config: MeterConfig;
  readonly seat: Seat;
  readonly #options: MeteringOptions;
  readonly #model: MeterModel;
  readonly #memory: Memory;
  readonly #source: ModbusMeter;
  readonly #intervals: ReadonlyMap<string, number>;
  readonly #stop = new AbortController();
  #clockSync: ClockSync | undefined;
  #guard: Guard;
  #loop: MeterLoop;
  #running: Promise<void> = Promise.resolve();
  /** Of the last outcome, or the start; monotonic. */
  #progressMs = performance.now();

  /** Nothing is read before `start`. A journal that cannot say what it knows of the meter is no reason not to read it. */
  constructor(options: MeteringOptions) {
    const { config, journal, lines } = options;
    const model = meterModel(config);
    this.config = config;
    this.#options = options;
    this.#model = model;
    this.#memory = {
      load: (key) => journal.state.load(key),
      save: (key, value) => journal.state.remember(key, value),
    };
    const { name, unit, connection, interval } = config;
    const series: Series = { measurement: METER_MEASUREMENT, meter: name, model: model.name };
    this.#intervals = intervalsOf(model, config.intervals);
    const known = journal.lookUp((reader) => ({
      last: latestReadings(reader, series, this.#intervals),
      point: lastPoint(reader, series, options.watch),
    }));
    this.#guard = new Guard(model, known?.last, this.#memory.load(`guard/${name}`) as GuardState | undefined);
    this.seat = lines.join(connection, interval);
    try {
      const { station } = this.seat;
      const responseMs = connection.responseTimeout;
      this.#source = new ModbusMeter({ name, model, unit, link: station, memory: this.#memory, responseMs });
      station.expect(this.#source.expected());
    } catch (error) {
      void lines.leave(this.seat);
      throw error;
    }
    if (config.clockSync === 'daily') void this.#keepClock();
    this.#loop = this.#newLoop(known?.point ?? { lastKnownMs: undefined });
  }

  /**
   * Begins with the next point, after the first attempt to open the line.
   * @param before the same meter as it was read until now, stopped: what it knew goes on
   */
  start(before?: Metering): void {
    if (before && isDeepStrictEqual(before.#model, this.#model)) {
      this.#guard = before.#guard;
      this.#loop = this.#newLoop(this.#knownNow(before));
    }
    const { signal } = this.#stop;
    this.#progressMs = performance.now();
    this.#running = this.seat.link.start().then(() => this.#loop.run(signal));
  }

  /** Ends after the sample under way, and gives up the place on the line. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#clockSync?.stop();
    await this.#running;
    await this.#options.lines.leave(this.seat);
  }

  /** What the journal knows now that the loop before has ended. */
  #knownNow(before: Metering): LastPoint {
    const { journal, watch } = this.#options;
    const known = journal.lookUp((reader) => lastPoint(reader, this.#source.series, watch));
    if (known) return known;
    const { lastReading, lastGap } = before.#loop.stats;
    return { lastKnownMs: Math.max(lastReading?.timeMs ?? 0, lastGap?.timeMs ?? 0) || undefined };
  }

  progress(): Progress {
    const { name, interval } = this.config;
    return {
      meter: name,
      sinceMs: performance.now() - this.#progressMs,
      allowedMs: STILL_INTERVALS * interval + STILL_MS,
    };
  }

  status(): MeterStatus {
    const { config } = this;
    const { link } = this.seat;
    const { good, gaps, suspicious, lastReading, lastGap } = this.#loop.stats;
    return {
      name: config.name,
      model: this.#source.series.model,
      intervalMs: config.interval,
      line: link.connector.name,
      connected: link.bus() !== undefined,
      problem: link.problem && { message: link.problem.message, hint: link.problem.hint },
      plan: this.#source.plan().map(({ address, count }) => ({ address, count })),
      good,
      gaps,
      suspicious,
      lastReading: lastReading && { timeMs: lastReading.timeMs, values: lastReading.values },
      lastGap,
      lineStats: link.stats,
    };
  }

  /** Loaded where it is wanted alone: it takes memory for as long as the collector runs. */
  async #keepClock(): Promise<void> {
    const { log } = this.#options;
    try {
      const { keepClock } = await import('./clock-keeping.ts');
      if (this.#stop.signal.aborted) return;
      this.#clockSync = keepClock({ ...this.#options, seat: this.seat, model: this.#model });
    } catch (error) {
      log.error({ meter: this.config.name, reason: messageOf(error) }, 'the clock of the meter cannot be kept right');
    }
  }

  #newLoop(known: LastPoint): MeterLoop {
    const { config, journal, clock, watch, log, onOutcome } = this.#options;
    return new MeterLoop({
      source: this.#source,
      guard: this.#guard,
      journal,
      memory: this.#memory,
      clock,
      log,
      intervalMs: config.interval,
      intervals: this.#intervals,
      watch,
      ...known,
      onOutcome: (outcome) => {
        this.#progressMs = performance.now();
        onOutcome(this.#source.series, outcome);
        this.#clockSync?.pause(performance.now() + config.interval - (Date.now() % config.interval));
      },
    });
  }
}

/** The last point of a series that the journal knows of. */
type LastPoint = Pick<DueOptions, 'lastKnownMs' | 'lastIsHeld'>;

/** While the clock is in doubt, also of what is held of this boot. */
function lastPoint(reader: JournalReader, series: Series, watch: ClockWatch | undefined): LastPoint {
  const clock = watch?.doubted;
  const heldMs = clock && reader.lastHeldMs(series, clock);
  return heldMs === undefined ? { lastKnownMs: reader.lastKnownMs(series) } : { lastKnownMs: heldMs, lastIsHeld: true };
}
