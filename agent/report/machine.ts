import { diskSpace, diskWritten } from '../host/disk.ts';
import { machineModel } from '../host/machine.ts';
import { cpuTemperature } from '../host/temperature.ts';
import { throttling } from '../host/throttling.ts';
import type { JournalReader } from '../journal/reader.ts';
import { MACHINE_MEASUREMENTS, type Reading, type Values } from '../readings/reading.ts';

const [HOST] = MACHINE_MEASUREMENTS;
const DAY_MS = 86_400_000;
/** host-metrics runs each minute; what is older than some runs says nothing of now. */
const FRESH_MS = 10 * 60_000;
/** Less in a day is no trend. */
const LEAST_GROWTH_BYTES = 1e6;

/** How the machine is: looked at now, and what its metrics in the journal add. */
export interface MachineFacts {
  /** '' where nothing tells. */
  model: string;
  /** Names and units as in measurement `host`. */
  values: Values;
  /** When host-metrics last ran, UTC ms; undefined without a run of the last day. */
  metricsMs: number | undefined;
  /** At the pace of the last day. */
  diskFullDays: number | undefined;
  /** To the disk of the state directory, by all programs; at the pace of the last day. */
  writtenBytesPerDay: number | undefined;
}

/** The first metrics of the last day, and the newest. */
export interface HostMetricsOfDay {
  first: Reading;
  last: Reading;
}

/**
 * @param metrics undefined while the journal has none, or cannot be read
 * @param root for tests: what stands for /
 */
export async function machineFacts(
  stateDir: string,
  metrics: HostMetricsOfDay | undefined,
  nowMs: number,
  root = '/',
): Promise<MachineFacts> {
  const { first, last } = metrics ?? {};
  const noted = last && nowMs - last.timeMs < FRESH_MS ? last.values : {};
  const seen = await look(stateDir, root);
  return {
    model: machineModel(root),
    // Only vcgencmd knows what has occurred since the boot, and not everybody may ask it.
    values: { ...sinceBoot(noted), ...seen },
    metricsMs: last?.timeMs,
    diskFullDays: first && last && fullDays(first, last),
    writtenBytesPerDay: first && last && writtenPerDay(first, last),
  };
}

async function look(stateDir: string, root: string): Promise<Values> {
  const values: Values = {};
  // systeminformation would cost a process: PCs are not told of.
  const sources = [
    () => diskSpace(stateDir),
    () => diskWritten(root, stateDir),
    () => cpuTemperature(root, async () => null),
    () => throttling(root),
  ];
  for (const source of sources) {
    try {
      Object.assign(values, await source());
    } catch {
      // What is not there is not told.
    }
  }
  return values;
}

const sinceBoot = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([name]) => name.endsWith('_has_occurred')));

/** What host-metrics has put into the journal. @throws AgentError when it cannot be read */
export function metricsOfDay(reader: JournalReader, nowMs: number): HostMetricsOfDay | undefined {
  const between = (fromMs: number, toMs: number) => reader.readings({ fromMs, toMs, measurement: HOST });
  const newestMs = Math.min(reader.extent().toMs ?? nowMs, nowMs);
  const last = between(newestMs - FRESH_MS, newestMs + 1).at(-1);
  const first = between(newestMs - DAY_MS, newestMs - DAY_MS + FRESH_MS)[0];
  return first && last && { first, last };
}

function fullDays(first: Reading, last: Reading): number | undefined {
  const [before, after] = [first.values.disk_free_bytes, last.values.disk_free_bytes];
  if (before === undefined || after === undefined) return undefined;
  const perDay = ((before - after) * DAY_MS) / (last.timeMs - first.timeMs);
  return perDay < LEAST_GROWTH_BYTES ? undefined : after / perDay;
}

/** The kernel's counter begins anew with each boot: then there is none for the day. */
function writtenPerDay(first: Reading, last: Reading): number | undefined {
  const [before, after] = [first.values.disk_written_bytes, last.values.disk_written_bytes];
  if (before === undefined || after === undefined || after < before) return undefined;
  return ((after - before) * DAY_MS) / (last.timeMs - first.timeMs);
}
