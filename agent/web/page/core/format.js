// @ts-check
import { LOCALE } from './messages.js';

/** Of the meters; undefined until it is known: then the browser's. @type {string | undefined} */
let zone;
/** @type {Map<string, Intl.DateTimeFormat>} */
const dates = new Map();
/** @type {Map<number, Intl.NumberFormat>} */
const numbers = new Map();

/** @param {string | null} name of the IANA database */
export function useZone(name) {
  zone = name ?? undefined;
  dates.clear();
}

export const LACKING = '–';

/** @param {number | null | undefined} value @param {number} [decimals] */
export function number(value, decimals = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return LACKING;
  let format = numbers.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    numbers.set(decimals, format);
  }
  // No minus before a zero.
  return format
    .format(value)
    .replace(/^-(?=[0.,]*$)/, '')
    .replace('-', '−');
}

/** Power as a person says it. @param {number | null | undefined} watts */
export function power(watts) {
  if (watts === null || watts === undefined) return LACKING;
  return Math.abs(watts) < 10_000 ? `${number(watts)}\u00a0W` : `${number(watts / 1000, 1)}\u00a0kW`;
}

/** Energy with the decimals that its size deserves. @param {number | null | undefined} amount @param {string} [unit] */
export function energy(amount, unit = 'kWh') {
  return `${energyNumber(amount)}\u00a0${unit}`;
}

/** @param {number | null | undefined} amount */
export function energyNumber(amount) {
  const size = Math.abs(amount ?? 0);
  return number(amount, size < 10 ? 2 : size < 1000 ? 1 : 0);
}

/** @param {number} share @param {number} [decimals] */
export const percent = (share, decimals = 0) => `${number(share * 100, decimals)}\u00a0%`;

/**
 * @param {Intl.DateTimeFormatOptions} options
 * @param {number} timeMs
 * @param {boolean} [isDate] a date of the calendar, as its midnight in UTC
 */
function dated(options, timeMs, isDate = false) {
  const key = JSON.stringify([options, isDate]);
  let format = dates.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(LOCALE, { ...options, hourCycle: 'h23', timeZone: isDate ? 'UTC' : zone });
    dates.set(key, format);
  }
  return format.format(timeMs);
}

/** @param {number} timeMs */
export const clock = (timeMs) => dated({ hour: '2-digit', minute: '2-digit', second: '2-digit' }, timeMs);
/** @param {number} timeMs */
export const hourMinute = (timeMs) => dated({ hour: '2-digit', minute: '2-digit' }, timeMs);
/** @param {number} timeMs */
export const dayAndTime = (timeMs) =>
  dated({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }, timeMs);
/** @param {number} timeMs */
export const dayMonthYear = (timeMs) => dated({ day: 'numeric', month: 'short', year: 'numeric' }, timeMs);
/** The offset of the clock, such as GMT+2, which tells apart the hour that comes twice. @param {number} timeMs */
export const offsetName = (timeMs) =>
  dated({ hour: '2-digit', timeZoneName: 'shortOffset' }, timeMs).split(' ').pop() ?? '';

/** Hours and minutes that the clock shows there. @param {number} timeMs @returns {number} ms since midnight */
export function localTimeMs(timeMs) {
  const [hours = 0, minutes = 0, seconds = 0] = clock(timeMs).split(':').map(Number);
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + (timeMs % 1000);
}

/** The date that a moment has there, `2026-10-25`. @param {number} timeMs */
export function dateOf(timeMs) {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).formatToParts(timeMs);
  const part = (/** @type {string} */ type) => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
}

/** @param {string} date */
export const dateLong = (date) =>
  dated({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }, Date.parse(date), true);
/** @param {string} date */
export const dateShort = (date) => dated({ weekday: 'short', day: 'numeric', month: 'short' }, Date.parse(date), true);
/** @param {string} month `2026-10` */
export const monthLong = (month) => dated({ month: 'long', year: 'numeric' }, Date.parse(`${month}-01`), true);
/** @param {string} month `2026-10` */
export const monthName = (month) => dated({ month: 'long' }, Date.parse(`${month}-01`), true);
/** @param {string} month `2026-10` */
export const monthShort = (month) => dated({ month: 'short' }, Date.parse(`${month}-01`), true);

/** A time that has passed, in its two largest units. @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ''}`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d${hours % 24 ? ` ${hours % 24} h` : ''}`;
}

/** @param {number} bytes */
export function bytes(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let at = 0;
  while (size >= 1000 && at < units.length - 1) {
    size /= 1000;
    at++;
  }
  return `${number(size, at > 1 && size < 100 ? 1 : 0)} ${units[at]}`;
}
