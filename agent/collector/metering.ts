import type { MeterConfig } from '../config/schema.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalReader } from '../journal/reader.ts';
import { findModel } from '../meters/catalogue.ts';
import type { MeterModel } from '../meters/model.ts';
import type { Series } from '../readings/reading.ts';
import { ModbusMeter, readPlan } from '../sources/modbus-meter.ts';
import type { Memory } from '../sources/source.ts';
import type { Clock } from '../system/clock.ts';
import { AgentError } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { Guard, type GuardState } from './guard.ts';
import type { Lines, Seat } from './lines.ts';
import { MeterLoop, type Outcome } from './meter-loop.ts';
import type { MeterStatus } from './status.ts';

export interface MeteringOptions {
  config: MeterConfig;
  lines: Lines;
  journal: Journal;
  reader: JournalReader;
  clock: Clock;
  log: Logger;
  onOutcome: (series: Series, outcome: Outcome) => void;
}

/** One meter of the configuration while it is read: its place on a line, its guard, its loop. */
export class Metering {
  readonly config: MeterConfig;
  readonly seat: Seat;
  readonly #options: Omit<MeteringOptions, 'reader'>;
  readonly #model: MeterModel;
  readonly #memory: Memory;
  readonly #source: ModbusMeter;
  readonly #lastKnownMs: number | undefined;
  readonly #stop = new AbortController();
  #guard: Guard;
  #loop: MeterLoop;
  #running: Promise<void> = Promise.resolve();

  /** Nothing is read before `start`. @throws AgentError when the journal cannot say what it knows of the meter */
  constructor({ reader, ...options }: MeteringOptions) {
    const { config, journal, lines } = options;
    const model = findModel(config.model);
    if (!model) throw new AgentError('internal', `model ${config.model} is in the schema but not in the catalogue`);
    this.config = config;
    this.#options = options;
    this.#model = model;
    this.#memory = {
      load: (key) => journal.state.load(key),
      save: (key, value) => journal.state.remember(key, value),
    };
    const series: Series = { measurement: 'energy', meter: config.name, model: model.name };
    this.#lastKnownMs = reader.lastKnownMs(series);
    const state = this.#memory.load(`guard/${config.name}`) as GuardState | undefined;
    this.#guard = new Guard(model, reader.latest(series), state);
    this.seat = lines.join(config.connection, config.interval);
    try {
      const { station } = this.seat;
      this.#source = new ModbusMeter({
        name: config.name,
        model,
        unit: config.unit,
        link: station,
        memory: this.#memory,
      });
      station.expect(readPlan(this.#source.plan(), station.connector.wire));
    } catch (error) {
      void lines.leave(this.seat);
      throw error;
    }
    this.#loop = this.#newLoop(this.#lastKnownMs);
  }

  /**
   * Begins with the next point, after the first attempt to open the line.
   * @param before the same meter as it was read until now, stopped: what it knew goes on
   */
  start(before?: Metering): void {
    if (before && before.#model === this.#model) {
      this.#guard = before.#guard;
      this.#loop = this.#newLoop(before.lastPointMs);
    }
    const { signal } = this.#stop;
    this.#running = this.seat.link.start().then(() => this.#loop.run(signal));
  }

  /** Ends after the sample under way, and gives up the place on the line. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#options.lines.leave(this.seat);
  }

  /** The last point of its grid of which the journal knows. */
  get lastPointMs(): number | undefined {
    const { lastReading, lastGap } = this.#loop.stats;
    const known = [lastReading?.timeMs, lastGap?.timeMs, this.#lastKnownMs].filter((timeMs) => timeMs !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  }

  status(): MeterStatus {
    const { config } = this;
    const { link } = this.seat;
    const { good, gaps, suspicious, lastReading, lastGap } = this.#loop.stats;
    return {
      name: config.name,
      model: config.model,
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

  #newLoop(lastKnownMs: number | undefined): MeterLoop {
    const { config, journal, clock, log, onOutcome } = this.#options;
    return new MeterLoop({
      source: this.#source,
      guard: this.#guard,
      journal,
      memory: this.#memory,
      clock,
      log,
      intervalMs: config.interval,
      lastKnownMs,
      onOutcome: (outcome) => onOutcome(this.#source.series, outcome),
    });
  }
}
