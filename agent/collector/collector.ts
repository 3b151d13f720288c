import { meterModel } from '../config/meter-model.ts';
import type { Config, MeterConfig } from '../config/schema.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalReader } from '../journal/reader.ts';
import { intervalsOf } from '../meters/intervals.ts';
import { type BusTiming, DEFAULT_TIMING } from '../modbus/bus.ts';
import { type Reading, type Series, seriesKey } from '../readings/reading.ts';
import { Link } from '../sources/link.ts';
import { ModbusMeter } from '../sources/modbus-meter.ts';
import type { Memory } from '../sources/source.ts';
import { type Clock, systemClock } from '../system/clock.ts';
import type { Logger } from '../system/logging.ts';
import type { ClockWatch } from './clock-watch.ts';
import { connectorFor } from './connectors.ts';
import { Guard, type GuardState } from './guard.ts';
import { MeterLoop, type Outcome } from './meter-loop.ts';
import type { CollectorStatus } from './status.ts';

export interface CollectorOptions {
  config: Config;
  journal: Journal;
  log: Logger;
  clock?: Clock;
  /** Without one the clock is always right. */
  watch?: ClockWatch;
  /** For tests that run faster than a real line. */
  timing?: BusTiming;
  onOutcome?: (series: Series, outcome: Outcome) => void;
}

/** All meters of a configuration, each on its own loop, sharing the lines they share. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #links = new Map<string, Link>();
  readonly #meters: { config: MeterConfig; link: Link; source: ModbusMeter; loop: MeterLoop }[] = [];
  readonly #stop = new AbortController();
  readonly #startedMs = Date.now();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: CollectorOptions) {
    this.#options = options;
    for (const meter of options.config.meters) this.#add(meter);
  }

  /** Opens the lines and starts each loop after its own line's first attempt. Lines that do not open are tried for ever. */
  start(): void {
    this.#running = Promise.all(
      this.#meters.map(({ link, loop }) => link.start().then(() => loop.run(this.#stop.signal))),
    );
  }

  /** Ends after the samples under way. The journal stays open: it belongs to the caller. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all([...this.#links.values()].map((link) => link.stop()));
  }

  status(): CollectorStatus {
    return {
      pid: process.pid,
      startedMs: this.#startedMs,
      updatedMs: Date.now(),
      journal: this.#options.journal.status,
      clock: this.#options.watch?.status,
      meters: this.#meters.map(({ config, link, source, loop }) => ({
        name: config.name,
        model: source.series.model,
        line: link.connector.name,
        connected: link.bus() !== undefined,
        problem: link.problem && { message: link.problem.message, hint: link.problem.hint },
        plan: source.plan().map(({ address, count }) => ({ address, count })),
        good: loop.stats.good,
        gaps: loop.stats.gaps,
        suspicious: loop.stats.suspicious,
        lastReading: loop.stats.lastReading && {
          timeMs: loop.stats.lastReading.timeMs,
          values: loop.stats.lastReading.values,
        },
        lastGap: loop.stats.lastGap,
        lineStats: link.stats,
      })),
    };
  }

  #add(config: MeterConfig): void {
    const { journal, log, watch } = this.#options;
    const model = meterModel(config);
    const link = this.#link(config);
    const memory = this.#memory;
    const { name, unit, connection } = config;
    const source = new ModbusMeter({ name, model, unit, link, memory, responseMs: connection.responseTimeout });
    const intervals = intervalsOf(model, config.intervals);
    const { series } = source;
    const longestMs = Math.max(0, ...intervals.values());
    const known = journal.lookUp((reader) => ({
      last: latestReadings(reader, series, longestMs),
      point: lastPoint(reader, series, watch),
    }));
    const guard = new Guard(model, known?.last, memory.load(`guard/${name}`) as GuardState | undefined);
    const loop = new MeterLoop({
      source,
      guard,
      journal,
      memory,
      clock: this.#options.clock ?? systemClock,
      log,
      intervalMs: config.interval,
      intervals,
      watch,
      ...(known?.point ?? { lastKnownMs: undefined }),
      onOutcome: (outcome) => this.#options.onOutcome?.(source.series, outcome),
    });
    this.#meters.push({ config, link, source, loop });
  }

  readonly #memory: Memory = {
    load: (key) => this.#options.journal.state.load(key),
    save: (key, value) => this.#options.journal.state.remember(key, value),
  };

  #link(config: MeterConfig): Link {
    const connector = connectorFor(config.connection);
    let link = this.#links.get(connector.name);
    if (!link) {
      const timing = this.#options.timing ?? DEFAULT_TIMING;
      const responseMs = config.connection.responseTimeout ?? timing.responseMs;
      link = new Link(connector, this.#options.log, { timing: { ...timing, responseMs } });
      this.#links.set(connector.name, link);
    }
    return link;
  }
}

/** The last point of a series that the journal knows of; while the clock is in doubt, also of what is held of this boot. */
function lastPoint(reader: JournalReader, series: Series, watch: ClockWatch | undefined) {
  const clock = watch?.doubted;
  const heldMs = clock && reader.lastHeldMs(series, clock);
  return heldMs === undefined ? { lastKnownMs: reader.lastKnownMs(series) } : { lastKnownMs: heldMs, lastIsHeld: true };
}

/**
 * Readings that together have each counter, oldest first.
 * @param longestMs the longest interval of a quantity; 0 when each reading has them all
 */
function latestReadings(reader: JournalReader, series: Series, longestMs: number): Reading[] {
  const latest = reader.latest(series);
  if (!latest || longestMs === 0) return latest ? [latest] : [];
  // Twice as far back as the slowest quantity: its last value can have been a gap.
  const range = { fromMs: latest.timeMs - 2 * longestMs, toMs: latest.timeMs + 1, meter: series.meter };
  return reader.readings(range).filter((reading) => seriesKey(reading.series) === seriesKey(series));
}
