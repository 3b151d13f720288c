import type { Config, MeterConfig } from '../config/schema.ts';
import type { Journal } from '../journal/journal.ts';
import type { BusTiming } from '../modbus/bus.ts';
import type { Series } from '../readings/reading.ts';
import type { SilenceTiming } from '../sources/health.ts';
import type { Link } from '../sources/link.ts';
import { type Clock, systemClock } from '../system/clock.ts';
import type { ClockEvidence } from '../system/clock-state.ts';
import type { Logger } from '../system/logging.ts';
import { systemZone, Zone } from '../system/zone.ts';
import type { Progress } from './announcer.ts';
import { type MeterChanges, meterChanges } from './changes.ts';
import type { ClockWatch } from './clock-watch.ts';
import { OVERFULL_HINT, overfullText } from './line-load.ts';
import { Lines, type Seat } from './lines.ts';
import type { Outcome } from './meter-loop.ts';
import { Metering } from './metering.ts';
import type { CollectorStatus } from './status.ts';

export interface CollectorOptions {
  config: Config;
  journal: Journal;
  log: Logger;
  clock?: Clock;
  /** Without one the clock is always right. */
  watch?: ClockWatch;
  /** Speaks for the clock where a meter is set by it. */
  evidence?: ClockEvidence;
  /** For tests that run faster than a real line. */
  timing?: BusTiming;
  silence?: SilenceTiming;
  onOutcome?: (series: Series, outcome: Outcome) => void;
}

/** All meters of a configuration, each on its own loop, sharing the lines they share. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #lines: Lines;
  /** Monotonic: a Pi without a battery for its clock begins in the past. */
  readonly #startedMs = performance.now();
  /** Lines that were said to be over-full: once, until their meters change. */
  readonly #told = new WeakSet<Link>();
  /** In the order of the configuration. */
  #meterings: Metering[];
  #applying: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
    const { timing, silence } = options;
    this.#lines = new Lines(options.log, { ...(timing && { timing }), ...(silence && { silence }) });
    this.#meterings = this.#prepare(options.config.meters);
  }

  /** Opens the lines and starts each loop after its own line's first attempt. Lines that do not open are tried for ever. */
  start(): void {
    for (const metering of this.#meterings) metering.start();
    this.#tellOverfull(() => true);
  }

  /**
   * Reads these meters from now on. Those that are as they were notice nothing; one that was changed goes on after the
   * sample under way, with what its guard knows.
   * @returns what was changed, once all of it is
   * @throws AgentError when the journal cannot say what it knows of a new meter: then nothing was changed
   */
  apply(meters: readonly MeterConfig[]): Promise<MeterChanges> {
    const applied = this.#applying.then(() => this.#apply(meters));
    this.#applying = applied.catch(() => {});
    return applied;
  }

  /** Ends after the samples under way. The journal stays open: it belongs to the caller. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#applying;
    await Promise.all(this.#meterings.map((metering) => metering.stop()));
  }

  /** How long ago each meter's loop went on. */
  progress(): Progress[] {
    return this.#meterings.map((metering) => metering.progress());
  }

  status(): CollectorStatus {
    const nowMs = Date.now();
    return {
      pid: process.pid,
      startedMs: Math.round(nowMs - (performance.now() - this.#startedMs)),
      updatedMs: nowMs,
      journal: this.#options.journal.status,
      clock: this.#options.watch?.status,
      meters: this.#meterings.map((metering) => metering.status()),
    };
  }

  async #apply(meters: readonly MeterConfig[]): Promise<MeterChanges> {
    const before = new Map(this.#meterings.map((metering) => [metering.config.name, metering]));
    const changes = meterChanges(
      this.#meterings.map(({ config }) => config),
      meters,
    );
    if (this.#stopped) return changes;
    const fresh = this.#prepare([...changes.added, ...changes.changed]);
    const after = new Map([...before, ...fresh.map((metering) => [metering.config.name, metering] as const)]);
    this.#meterings = meters.flatMap(({ name }) => after.get(name) ?? []);
    const removed = changes.removed.map((name) => before.get(name)?.stop());
    const begun = fresh.map(async (metering) => {
      const old = before.get(metering.config.name);
      await old?.stop();
      metering.start(old);
    });
    await Promise.all([...removed, ...begun]);
    const touched = new Set(fresh.map(({ seat }) => seat.link));
    for (const link of touched) this.#told.delete(link);
    this.#tellOverfull(({ link }) => touched.has(link));
    return changes;
  }

  /** All or none. */
  #prepare(meters: readonly MeterConfig[]): Metering[] {
    const { journal, log, config, watch, evidence, clock = systemClock } = this.#options;
    const zone = () => new Zone(config.timeZone ?? systemZone());
    const made: Metering[] = [];
    try {
      for (const meter of meters) {
        const onOutcome = (series: Series, outcome: Outcome) => this.#tell(meter, series, outcome);
        const common = { lines: this.#lines, journal, clock, watch, evidence, zone, log, onOutcome };
        made.push(new Metering({ config: meter, ...common }));
      }
      return made;
    } catch (error) {
      for (const metering of made) void metering.stop();
      throw error;
    }
  }

  #tell({ name }: MeterConfig, series: Series, outcome: Outcome): void {
    // How long requests take behind a gateway shows only when they do.
    if ('cause' in outcome && outcome.cause === 'busy') {
      const link = this.#meterings.find(({ config }) => config.name === name)?.seat.link;
      this.#tellOverfull((seat) => seat.link === link);
    }
    this.#options.onOutcome?.(series, outcome);
  }

  /** Says once of each of these lines what it cannot carry; of one behind a gateway only what was measured. */
  #tellOverfull(which: (seat: Seat) => boolean): void {
    const links = new Set(this.#meterings.filter(({ seat }) => which(seat)).map(({ seat }) => seat.link));
    for (const link of links) {
      const here = this.#meterings.filter(({ seat }) => seat.link === link);
      const known = link.connector.framing === 'rtu' || here.every(({ seat }) => seat.station.measured);
      if (!known || this.#told.has(link)) continue;
      const loads = here.map(({ config, seat: { station } }) => ({
        name: config.name,
        intervalMs: config.interval,
        needMs: station.needMs,
        wire: station.connector.wire,
      }));
      const text = overfullText(link.connector.name, loads);
      if (text === undefined) continue;
      this.#told.add(link);
      this.#options.log.warn({ hint: OVERFULL_HINT }, text);
    }
  }
}
