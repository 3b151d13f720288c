import { BadRecord, shown } from './bad-record.ts';
import type { TimeZone } from './time-zone.ts';

export const PRECISIONS = ['auto', 'ns', 'us', 'ms', 's'] as const;

export type Precision = (typeof PRECISIONS)[number];

/** Digits of a fraction of a second. */
const DIGITS: Readonly<Record<Exclude<Precision, 'auto'>, number>> = { ns: 9, us: 6, ms: 3, s: 0 };

/** From 2001 to 2286 the seconds since 1970 have ten digits: the number of digits tells the precision. */
const SECOND_DIGITS = 10;

/** UTC ms of an integer timestamp; what is finer than a millisecond is cut off. @throws BadRecord */
export function timestampMs(digits: string, precision: Precision): number {
  const fraction = precision === 'auto' ? digits.length - SECOND_DIGITS : DIGITS[precision];
  if (fraction === 0) return Number(digits) * 1000;
  if (fraction === 3) return Number(digits);
  // 19 digits are more than a double holds.
  if (fraction === 6 || fraction === 9) return Number(digits.slice(0, 3 - fraction));
  throw new BadRecord(`the precision of timestamp ${shown(digits)} cannot be told; name it with --precision`);
}

const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d+))?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i;
const EPOCH = /^(\d{10}|\d{13}|\d{16}|\d{19})(?:\.(\d+))?$/;

/**
 * UTC ms of ISO 8601, or of seconds, ms, us or ns since 1970.
 * @param zone where clocks show the times that name no zone of their own
 * @throws BadRecord
 */
export function textTimeMs(text: string, zone?: TimeZone): number {
  const epoch = EPOCH.exec(text);
  if (epoch?.[1])
    return epoch[1].length > SECOND_DIGITS ? timestampMs(epoch[1], 'auto') : Math.floor(Number(text) * 1000);
  const iso = ISO.exec(text);
  if (!iso)
    throw new BadRecord(
      `${shown(text)} is no time; use ISO 8601 such as 2026-11-21T11:00:00Z, or seconds or ms since 1970`,
    );
  const [, day, clock, fraction = '', said] = iso;
  if (said === undefined && zone === undefined) {
    throw new BadRecord(`time ${shown(text)} has no zone; add Z for UTC or +01:00, or say --time-zone`);
  }
  const offset =
    said !== undefined && /^[+-]/.test(said) ? `${said.slice(0, 3)}:${said.slice(3).replace(':', '') || '00'}` : 'Z';
  const ms = Date.parse(
    `${day}T${clock}${clock?.length === 5 ? ':00' : ''}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`,
  );
  // Date.parse takes 30 February for 2 March.
  const exists = !Number.isNaN(ms) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day ?? '');
  if (!exists) throw new BadRecord(`${shown(text)} is no time of any calendar`);
  return said === undefined && zone ? zone.utcMs(ms, text) : ms;
}
