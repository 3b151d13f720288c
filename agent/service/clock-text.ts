import type { Zone } from '../system/zone.ts';
import { type ClockReading, isRight } from './clock.ts';

const HOUR_MS = 3_600_000;
const NEAR_MS = 120_000;
const HALF_YEAR_MS = 182 * 86_400_000;

const shown = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

/** `12 s ahead`. */
export function driftText(driftMs: number): string {
  const seconds = Math.round(Math.abs(driftMs) / 1000);
  if (seconds <= 1) return 'none that can be seen';
  const span =
    seconds < 7200
      ? `${seconds} s`
      : seconds < 172_800
        ? `${Math.round(seconds / 3600)} h`
        : `${Math.round(seconds / 86_400)} days`;
  return `${span} ${driftMs > 0 ? 'ahead' : 'behind'}`;
}

/** Both clocks, and how far they are apart. */
export function clockText({ meterMs, machineMs, driftMs }: ClockReading, zone: Zone, nowMs: number): string {
  const lines = [
    `meter    ${meterMs === undefined ? 'shows no time' : shown(meterMs)}`,
    `machine  ${shown(machineMs)} (${zone.name})`,
  ];
  if (driftMs !== undefined) lines.push(`drift    ${driftText(driftMs)}`);
  if (driftMs !== undefined && Math.abs(Math.abs(driftMs) - HOUR_MS) <= NEAR_MS && changes(zone, nowMs)) {
    lines.push('         an hour: the clocks have been changed since it was set, or it goes by another zone');
  }
  return `${lines.join('\n')}\n`;
}

/** What a person has to know of a clock that was set. */
export function afterSetText(after: ClockReading, zone: Zone, nowMs: number): string {
  const read = after.driftMs !== undefined && isRight(after) ? ' and read back' : '';
  const caveat = changes(zone, nowMs)
    ? 'The meter does not know of summer time: set it again when the clocks are changed.\n'
    : '';
  return `set${read}: ${after.meterMs === undefined ? '' : shown(after.meterMs)}\n${caveat}`;
}

/** Are clocks changed here within a year? */
const changes = (zone: Zone, nowMs: number): boolean => zone.offsetAt(nowMs) !== zone.offsetAt(nowMs + HALF_YEAR_MS);
