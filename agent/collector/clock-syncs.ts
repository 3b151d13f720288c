import { meterModel } from '../config/meter-model.ts';
import type { Config, MeterConfig } from '../config/schema.ts';
import type { Journal } from '../journal/journal.ts';
import { serviceTables } from '../meters/service/catalogue.ts';
import { DEFAULT_TIMING } from '../modbus/bus.ts';
import type { Values } from '../readings/reading.ts';
import { ClockSync, type ClockSyncResult } from '../service/clock-sync.ts';
import type { Link } from '../sources/link.ts';
import { clockDoubt } from '../system/clock-doubt.ts';
import type { ClockEvidence } from '../system/clock-state.ts';
import type { Logger } from '../system/logging.ts';
import { systemZone, Zone } from '../system/zone.ts';
import type { ClockWatch } from './clock-watch.ts';

export interface ClockSyncsOptions {
  config: Config;
  journal: Journal;
  log: Logger;
  watch?: ClockWatch;
  evidence?: ClockEvidence;
}

interface OnLine {
  config: MeterConfig;
  link: Link;
  /** The last point of its grid that was served. */
  servedMs: number;
  sync: ClockSync | undefined;
}

const DECIMALS = { drift: 1, drift_after: 1, set: 0 };

/** Sets the clocks of meters that are to be kept right, in pauses of their lines: when all meters of a line are served. */
export class ClockSyncs {
  readonly #options: ClockSyncsOptions;
  readonly #zone: Zone;
  readonly #meters: OnLine[] = [];

  constructor(options: ClockSyncsOptions) {
    this.#options = options;
    this.#zone = new Zone(options.config.timeZone ?? systemZone());
  }

  add(config: MeterConfig, link: Link): void {
    const sync = config.clockSync === 'daily' ? this.#syncOf(config, link) : undefined;
    this.#meters.push({ config, link, servedMs: Number.NEGATIVE_INFINITY, sync });
  }

  /** A meter's point of the grid has ended, as a reading or as a gap. */
  served(config: MeterConfig, timeMs: number): void {
    const meter = this.#meters.find((one) => one.config === config);
    if (!meter) return;
    meter.servedMs = timeMs;
    const sharers = this.#meters.filter(({ link }) => link === meter.link);
    const nowMs = Date.now();
    const isFree = sharers.every((one) => one.servedMs > nowMs - one.config.interval);
    if (!isFree || sharers.every(({ sync }) => sync === undefined)) return;
    const leftMs = Math.min(...sharers.map((one) => one.config.interval - (nowMs % one.config.interval)));
    for (const { sync } of sharers) sync?.pause(performance.now() + leftMs);
  }

  stop(): void {
    for (const { sync } of this.#meters) sync?.stop();
  }

  #syncOf(config: MeterConfig, link: Link): ClockSync | undefined {
    const { journal, log, watch, evidence } = this.#options;
    const { name, unit, connection } = config;
    const model = meterModel(config);
    const { clock: table } = serviceTables(model.name);
    if (!table) return undefined;
    const key = `clock-sync/${name}/${model.name}`;
    const doneDay = journal.state.load(key);
    return new ClockSync({
      unit,
      table,
      pauseMs: model.pauseMs,
      responseMs: connection.responseTimeout ?? model.responseMs ?? DEFAULT_TIMING.responseMs,
      bus: () => link.bus(),
      zone: this.#zone,
      doubt: async () => watch?.message ?? (await clockDoubt(evidence)),
      log: log.child({ meter: name }),
      doneDay: typeof doneDay === 'number' ? doneDay : undefined,
      remember: (day) => journal.state.remember(key, day),
      record: (result) =>
        journal.append(
          {
            series: { measurement: 'clock', meter: name, model: model.name },
            timeMs: result.timeMs,
            values: valuesOf(result),
          },
          DECIMALS,
        ),
    });
  }
}

/** Seconds that the meter was ahead, and is after it was set. */
function valuesOf({ driftMs, leftMs, set }: ClockSyncResult): Values {
  const seconds = (ms: number) => Math.round(ms / 100) / 10;
  return {
    ...(driftMs === undefined ? {} : { drift: seconds(driftMs) }),
    ...(leftMs === undefined ? {} : { drift_after: seconds(leftMs) }),
    set: set ? 1 : 0,
  };
}
