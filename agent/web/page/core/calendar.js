// @ts-check

/** Dates are text, `2026-10-25`; months `2026-10`; years `2026`. What lies between them knows no zone. */

/** @param {string} date @param {number} days */
export function addDays(date, days) {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** @param {string} month @param {number} months */
export function addMonths(month, months) {
  const at = new Date(`${month}-01T00:00:00Z`);
  at.setUTCMonth(at.getUTCMonth() + months);
  return at.toISOString().slice(0, 7);
}

/** @param {string} year @param {number} years */
export const addYears = (year, years) => String(Number(year) + years).padStart(4, '0');

/** @param {unknown} text @returns {text is string} */
export function isDate(text) {
  if (typeof text !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const timeMs = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(text);
}

/** @param {unknown} text @returns {text is string} */
export const isMonth = (text) => typeof text === 'string' && isDate(`${text}-01`);

/** @param {unknown} text @returns {text is string} */
export const isYear = (text) => typeof text === 'string' && isDate(`${text}-01-01`);
