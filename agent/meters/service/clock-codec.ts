import { decodeEntry, encodeEntry, isDate } from './bytes.ts';
import type { ClockTable } from './tables.ts';

const CENTURY = 2000;

/**
 * What the meter's clock shows.
 * @param registers two bytes each, as they came
 * @returns local time as if it were UTC, ms; undefined when it is no time
 */
export function decodeClock({ bytes, digits }: ClockTable, registers: Buffer): number | undefined {
  const {
    year = 0,
    month = 0,
    day = 0,
    hour = 0,
    minute = 0,
    second = 0,
  } = decodeEntry(bytes, digits, registers) ?? {};
  if (!isDate(month, day) || year > 99 || hour > 23 || minute > 59 || second > 59) return undefined;
  const ms = Date.UTC(CENTURY + year, month - 1, day, hour, minute, second);
  return new Date(ms).getUTCDate() === day ? ms : undefined;
}

/** @param localMs local time as if it were UTC, from 2000 to 2099 */
export function encodeClock({ bytes, digits }: ClockTable, localMs: number): Buffer {
  const time = new Date(localMs);
  return encodeEntry(bytes, digits, {
    year: time.getUTCFullYear() - CENTURY,
    month: time.getUTCMonth() + 1,
    day: time.getUTCDate(),
    weekday: time.getUTCDay() === 0 ? 7 : time.getUTCDay(),
    hour: time.getUTCHours(),
    minute: time.getUTCMinutes(),
    second: time.getUTCSeconds(),
  });
}
