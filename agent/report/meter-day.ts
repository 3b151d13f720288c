import type { MeterStatus } from '../collector/status.ts';
import type { JournalReader } from '../journal/reader.ts';
import type { Gap, GapCause, Reading } from '../readings/reading.ts';

const METERS = 'energy';
/** So far back from the newest reading a meter is looked for. */
const RECENT_MS = 600_000;
const LONGEST_MS = 2 * 86_400_000;
/** What is read while this runs is later than its own now. */
const LATEST_MS = 60_000;
const DEFAULT_INTERVAL_MS = 1000;

/** How reading a meter goes today. */
export interface MeterDay {
  name: string;
  intervalMs: number;
  /** The newest within the journal's last two days, and none of the future; undefined without one. */
  last: Pick<Reading, 'timeMs' | 'values'> | undefined;
  /** UTC ms: the beginning of the day, or of the journal. */
  fromMs: number;
  /** Points of the grid since then. */
  points: number;
  /** Those without a reading, by cause. */
  missed: Partial<Record<GapCause, number>>;
}

export interface MeterName {
  name: string;
  intervalMs: number;
}

/** The meters that are told of: those of the configuration, else the collector's, else those that the journal had last. */
export function meterNames(
  configured: readonly { name: string; interval: number }[] | undefined,
  collected: readonly MeterStatus[],
  reader: JournalReader,
): MeterName[] {
  if (configured) return configured.map(({ name, interval }) => ({ name, intervalMs: interval }));
  if (collected.length > 0) {
    return collected.map(({ name, intervalMs = DEFAULT_INTERVAL_MS }) => ({ name, intervalMs }));
  }
  const { toMs } = reader.extent();
  if (toMs === null) return [];
  const recent = reader.readings({ fromMs: toMs - RECENT_MS, toMs: toMs + 1, measurement: METERS });
  const names = recent.map(({ series }) => series.meter);
  return [...new Set(names)].map((name) => ({ name, intervalMs: DEFAULT_INTERVAL_MS }));
}

/**
 * @param span `dayMs`: UTC ms of the beginning of the day; `gaps`: of all meters since then, which are looked for in years of them
 * @throws AgentError when the journal cannot be read
 */
export function meterDay(
  reader: JournalReader,
  { name, intervalMs }: MeterName,
  collected: MeterStatus | undefined,
  { dayMs, nowMs, gaps }: { dayMs: number; nowMs: number; gaps: readonly Gap[] },
): MeterDay {
  const extent = reader.extent();
  const fromMs = Math.min(Math.max(dayMs, extent.fromMs ?? nowMs), nowMs);
  const missed: MeterDay['missed'] = {};
  for (const gap of gaps) {
    if (gap.series.measurement !== METERS || gap.series.meter !== name || gap.toMs < fromMs) continue;
    missed[gap.cause] = (missed[gap.cause] ?? 0) + pointsIn(gap, { fromMs, nowMs, intervalMs });
  }
  // A clock that was ahead leaves readings of days to come: they would hide a meter that is silent now.
  const untilMs = nowMs + LATEST_MS;
  const own = collected?.lastReading;
  // The journal has none that is newer than what its collector has just read, and looking for it takes megabytes.
  const newest = own && own.timeMs <= untilMs ? own : lastIn(reader, name, extent.toMs, untilMs);
  const last = newest && { timeMs: newest.timeMs, values: newest.values };
  const points = Math.ceil(nowMs / intervalMs) - Math.ceil(fromMs / intervalMs);
  return { name, intervalMs, last, fromMs, points, missed };
}

/** Both ends of a gap are points that are missing. */
function pointsIn(gap: Gap, span: { fromMs: number; nowMs: number; intervalMs: number }): number {
  const firstMs = Math.max(gap.fromMs, Math.ceil(span.fromMs / span.intervalMs) * span.intervalMs);
  const lastMs = Math.min(gap.toMs, span.nowMs);
  return Math.max(0, Math.floor((lastMs - firstMs) / span.intervalMs) + 1);
}

/** What is not committed yet first. */
function lastIn(reader: JournalReader, meter: string, endMs: number | null, untilMs: number): Reading | undefined {
  if (endMs === null) return undefined;
  const newestMs = Math.min(endMs, untilMs);
  const last = reader.readings({ fromMs: newestMs - RECENT_MS, toMs: newestMs + 1, meter, measurement: METERS }).at(-1);
  return last ?? reader.newestOf({ measurement: METERS, meter }, { fromMs: newestMs - LONGEST_MS, toMs: newestMs + 1 });
}

export function missedPoints({ missed }: Pick<MeterDay, 'missed'>): number {
  return Object.values(missed).reduce((sum, count) => sum + count, 0);
}
