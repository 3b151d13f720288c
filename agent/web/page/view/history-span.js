// @ts-check
import { serverNow } from '../core/api.js';
import { addMonths, addYears, isMonth, isYear } from '../core/calendar.js';
import { dateOf, dateShort, monthLong, monthName, monthShort } from '../core/format.js';
import { t } from '../core/messages.js';
import { linkTo } from '../core/router.js';
import { amountOf, drawnOf, isEstimated, wholeOf } from './energy.js';

/** @typedef {import('../types').Period} Period */
/** @typedef {import('../chart/bar-chart.js').Bar} Bar */

export const SPANS = /** @type {const} */ (['month', 'year', 'all']);
/** @typedef {typeof SPANS[number]} SpanName */

const MOST_YEARS = 20;

/** @param {unknown} text @returns {text is SpanName} */
export const isSpan = (text) => SPANS.some((name) => name === text);

/**
 * What the history shows at once: a month of days, a year of months, or all years.
 * @param {SpanName} by @param {string | undefined} given `2026-10` or `2026`; what is no past is the present
 */
export function spanOf(by, given) {
  const today = dateOf(serverNow());
  const [thisYear, thisMonth] = [today.slice(0, 4), today.slice(0, 7)];
  const month =
    isMonth(given) && given <= thisMonth ? given : isYear(given) && given < thisYear ? `${given}-12` : thisMonth;
  const year = isYear(given) && given <= thisYear ? given : month.slice(0, 4);
  const shared = { by, in: /** @type {Record<SpanName, string | undefined>} */ ({ month, year, all: undefined }) };
  if (by === 'month') {
    const before = addMonths(month, -1);
    return {
      ...shared,
      parts: 'day',
      from: `${month}-01`,
      to: `${addMonths(month, 1)}-01`,
      before: `${before}-01`,
      title: monthLong(month),
      beforeTitle: before.slice(0, 4) === month.slice(0, 4) ? monthName(before) : monthLong(before),
      isNewest: month >= thisMonth,
      stepped: (/** @type {number} */ n) => addMonths(month, n),
    };
  }
  if (by === 'year') {
    return {
      ...shared,
      parts: 'month',
      from: `${year}-01-01`,
      to: `${addYears(year, 1)}-01-01`,
      before: `${addYears(year, -1)}-01-01`,
      title: year,
      beforeTitle: addYears(year, -1),
      isNewest: year >= thisYear,
      stepped: (/** @type {number} */ n) => addYears(year, n),
    };
  }
  const first = `${addYears(thisYear, 1 - MOST_YEARS)}-01-01`;
  return {
    ...shared,
    parts: 'year',
    from: first,
    to: `${addYears(thisYear, 1)}-01-01`,
    before: first,
    title: t('history.all-title'),
    beforeTitle: '',
    isNewest: true,
    stepped: () => undefined,
  };
}

/** @typedef {ReturnType<typeof spanOf>} Span */

/**
 * @param {Span} span
 * @param {readonly Period[]} own
 * @param {readonly Period[]} earlier the same parts of the period before, in order
 * @param {number} nowMs
 * @returns {Bar[]}
 */
export function barsOf({ by }, own, earlier, nowMs) {
  const whole = wholeOf([...earlier, ...own], nowMs);
  // Years before the first reading say nothing.
  const first =
    by === 'all'
      ? Math.max(
          0,
          Math.min(
            own.findIndex((period) => amountOf(period) !== null),
            own.length - 1,
          ),
        )
      : 0;
  return own.slice(first).map((period, i) => {
    const { label } = period;
    const before = earlier[i];
    const isKnown = amountOf(period) !== null;
    const fromMs = Date.parse(period.from);
    return {
      ...named(by, label),
      value: amountOf(period),
      ghost: before ? amountOf(before) : null,
      ghostName: before ? (by === 'month' ? dateShort(before.label) : monthLong(before.label)) : '',
      isEstimated: isKnown && isEstimated(drawnOf(period.energies)),
      isWhole: whole.has(period),
      isNow: fromMs <= nowMs && nowMs < Date.parse(period.to),
      href:
        by === 'month'
          ? linkTo('day', { date: label })
          : by === 'year'
            ? linkTo('history', { by: 'month', at: label })
            : linkTo('history', { by: 'year', at: label }),
    };
  });
}

/** @param {SpanName} by @param {string} label @returns {{label: string, name: string, isMajor: boolean}} */
function named(by, label) {
  if (by === 'all') return { label, name: label, isMajor: true };
  if (by === 'year') return { label: monthShort(label), name: monthLong(label), isMajor: true };
  const day = Number(label.slice(8));
  return { label: String(day), name: dateShort(label), isMajor: day === 1 || day % 5 === 0 };
}
