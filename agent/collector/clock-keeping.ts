import type { MeterConfig } from '../config/schema.ts';
import type { Journal } from '../journal/journal.ts';
import type { MeterModel } from '../meters/model.ts';
import { serviceTables } from '../meters/service/catalogue.ts';
import { DEFAULT_TIMING } from '../modbus/bus.ts';
import type { Values } from '../readings/reading.ts';
import { ClockSync, type ClockSyncResult } from '../service/clock-sync.ts';
import type { Sharer } from '../sources/turns.ts';
import { clockDoubt } from '../system/clock-doubt.ts';
import type { ClockEvidence } from '../system/clock-state.ts';
import type { Logger } from '../system/logging.ts';
import type { Zone } from '../system/zone.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { Seat } from './lines.ts';

export interface ClockKeepingOptions {
  config: MeterConfig;
  model: MeterModel;
  seat: Seat;
  journal: Journal;
  watch: ClockWatch | undefined;
  evidence: ClockEvidence | undefined;
  /** Made only where a clock is kept: ICU takes 8 MB. */
  zone: () => Zone;
  log: Logger;
}

const DECIMALS = { drift: 1, drift_after: 1, set: 0 };

/** Gets the line as a silent meter does: in pauses, where nobody's sample is due before the longest answer. */
const IN_PAUSES: Sharer = {
  living: false,
  dead: false,
  answers: false,
  usageMs: 0,
  isShaky: () => false,
  overdueMs: () => 0,
  claim: () => undefined,
};

/** What keeps a meter's clock right, where that is wanted. */
export function keepClock(options: ClockKeepingOptions): ClockSync | undefined {
  const { config, model, seat, journal, watch, evidence, zone, log } = options;
  const { clock: table } = serviceTables(model.name);
  if (config.clockSync !== 'daily' || !table) return undefined;
  const { name, unit, connection } = config;
  const { link, station } = seat;
  const key = `clock-sync/${name}/${model.name}`;
  const doneDay = journal.state.load(key);
  return new ClockSync({
    unit,
    table,
    wire: station.connector.wire,
    pauseMs: model.pauseMs,
    responseMs: connection.responseTimeout ?? model.responseMs ?? DEFAULT_TIMING.responseMs,
    bus: () => link.bus(),
    turn: (needMs, deadlineMs) =>
      link.queue.turn({
        sharer: IN_PAUSES,
        deadlineMs,
        leastMs: needMs,
        expectedMs: needMs,
        fullMs: () => needMs,
        tuned: () => true,
      }),
    zone: zone(),
    doubt: async () => watch?.message ?? (await clockDoubt(evidence)),
    log: log.child({ meter: name }),
    doneDay: typeof doneDay === 'number' ? doneDay : undefined,
    remember: (day) => journal.state.remember(key, day),
    record: (result) => {
      const series = { measurement: 'clock', meter: name, model: model.name };
      journal.append({ series, timeMs: result.timeMs, values: valuesOf(result) }, DECIMALS);
    },
  });
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
