import { freshStatus, type MeterStatus } from '../../collector/status.ts';
import type { History } from '../../history/history.ts';
import type { GapCause, Series, Values } from '../../readings/reading.ts';
import { badParameter, notFound } from '../http/problem.ts';
import type { Place } from '../place.ts';

/** What is read while an answer is made is later than its now; a clock that was ahead leaves readings of days to come. */
const LATEST_MS = 60_000;

/** What a meter said last. */
export interface Newest {
  model: string;
  timeMs: number;
  values: Values;
}

export interface MeterGap {
  /** UTC ms of the first point that is missing. */
  sinceMs: number;
  cause: GapCause;
  message: string;
}

/** A meter of the configuration, or one of which there are readings. */
export interface KnownMeter {
  name: string;
  model: string;
  /** Undefined of a meter that is not in the configuration. */
  intervalMs: number | undefined;
  status: MeterStatus | undefined;
  /** Undefined of a meter that was never read. */
  newest: Newest | undefined;
  /** Undefined where its last point was read, and where nobody reads it. */
  gap: MeterGap | undefined;
  /** Of its models, newest first where that is known. */
  series: readonly Series[];
}

/** Names of the configuration, in its order, then those that were read in former times. */
export function meterNames(history: History, { meters }: Place): string[] {
  const others = history.meters().map(({ meter }) => meter);
  return [...new Set([...meters.map(({ name }) => name), ...others.sort()])];
}

/** @throws Problem 400 without a name, 404 for a meter that there is not */
export function requireMeter(history: History, place: Place, name: string | undefined): string {
  const names = meterNames(history, place);
  if (name === undefined) throw badParameter('meter', `say with meter which one: ${names.join(', ')}`);
  if (!names.includes(name)) throw notFound(`there is no meter ${name}; there are ${names.join(', ') || 'none'}`);
  return name;
}

/** Meters with what they said last: of the running collector where it tells, else of what is kept. @param names by default all */
export function knownMeters(history: History, place: Place, names = meterNames(history, place)): KnownMeter[] {
  const all = history.meters();
  const status = freshStatus(place.runtimeDirectory, place.nowMs());
  return names.map((name) => {
    const configured = place.meters.find((one) => one.name === name);
    const own = status?.meters.find((one) => one.name === name);
    const series = all.filter(({ meter }) => meter === name);
    const newest = liveOf(place, name, own) ?? keptOf(history, place, series);
    const model = newest?.model ?? configured?.model ?? series[0]?.model ?? '';
    const intervalMs = configured?.intervalMs;
    const gap = gapOf(place, name, own, newest, intervalMs);
    return { name, model, intervalMs, status: own, newest, gap, series };
  });
}

function liveOf({ feed, nowMs }: Place, name: string, status: MeterStatus | undefined): Newest | undefined {
  const told = feed.latestOf(name);
  const found: Newest[] = [];
  if (told && 'reading' in told.outcome) {
    const { values } = told.outcome.reading;
    found.push({ model: told.series.model, timeMs: told.outcome.timeMs, values });
  }
  if (status?.lastReading) found.push({ model: status.model, ...status.lastReading });
  return newestOf(found, nowMs());
}

function keptOf(history: History, { nowMs }: Place, series: readonly Series[]): Newest | undefined {
  const beforeMs = nowMs() + LATEST_MS;
  const found = series.flatMap((one) => {
    const last = history.lastOf(one, beforeMs);
    return last ? [{ model: one.model, ...last }] : [];
  });
  return newestOf(found, nowMs());
}

function newestOf(found: Newest[], nowMs: number): Newest | undefined {
  return found.filter(({ timeMs }) => timeMs <= nowMs + LATEST_MS).sort((a, b) => b.timeMs - a.timeMs)[0];
}

/** What came behind the newest reading: told since this thread's start, or of the collector. */
function gapOf(
  { feed }: Place,
  name: string,
  status: MeterStatus | undefined,
  newest: Newest | undefined,
  intervalMs = 0,
): MeterGap | undefined {
  const told = feed.latestOf(name)?.outcome ?? status?.lastGap;
  if (told === undefined || 'reading' in told || (newest && newest.timeMs >= told.timeMs)) return undefined;
  const sinceMs = newest === undefined ? told.timeMs : Math.min(told.timeMs, newest.timeMs + intervalMs);
  return { sinceMs, cause: told.cause, message: told.message };
}

/** Silent for so long that only who asks for all of them sees it; one of the configuration that was never read is new. */
export function isHidden({ newest, intervalMs }: KnownMeter, { web, nowMs }: Place): boolean {
  if (!newest) return intervalMs === undefined;
  return newest.timeMs < nowMs() - web.hideAfter;
}
