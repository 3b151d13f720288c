// @ts-check
import { energy, percent } from '../core/format.js';
import { t, tn } from '../core/messages.js';
import { amountOf, wholeOf } from './energy.js';

/** @typedef {import('../types').Period} Period */
/** @typedef {import('./history-span.js').Span} Span */

/** Less is the same. */
const SAME = 0.005;

/**
 * How a period stands beside the one before, in a sentence. Only like is compared with like: of a period that goes on, or was not read
 * throughout, the parts that both have as a whole.
 * @param {Span} span
 * @param {readonly Period[]} own
 * @param {readonly Period[]} earlier
 * @param {number} nowMs
 * @returns {string} empty where nothing can be compared
 */
export function compared(span, own, earlier, nowMs) {
  const whole = wholeOf([...earlier, ...own], nowMs);
  if (span.by === 'all') return years(own.filter((period) => whole.has(period)));
  if (whole.size === own.length + earlier.length) {
    return beside(
      t('history.in', { before: span.title }),
      sum(own),
      sum(earlier),
      t('history.in', { before: span.beforeTitle }),
    );
  }
  const pairs = own.flatMap((period, i) => {
    const other = earlier[i];
    return other && whole.has(period) && whole.has(other) ? [{ period, other }] : [];
  });
  if (pairs.length === 0) return '';
  const before = { before: span.beforeTitle };
  const mine = sum(pairs.map(({ period }) => period));
  const others = sum(pairs.map(({ other }) => other));
  return span.by === 'month'
    ? beside(tn('days-whole', pairs.length), mine, others, t('history.same-days', before))
    : beside(tn('months-whole', pairs.length), mine, others, t('history.same-months', before));
}

/** @param {readonly Period[]} whole */
function years(whole) {
  const [before, last] = whole.slice(-2);
  if (!before || !last) return '';
  return beside(
    t('history.in', { before: last.label }),
    sum([last]),
    sum([before]),
    t('history.in', { before: before.label }),
  );
}

/** @param {readonly Period[]} periods */
const sum = (periods) => periods.reduce((all, period) => all + (amountOf(period) ?? 0), 0);

/** @param {string} subject @param {number} own @param {number} other @param {string} before */
function beside(subject, own, other, before) {
  if (other <= 0) return '';
  const share = own / other - 1;
  const values = {
    subject: upper(subject),
    amount: energy(own),
    before,
    beforeAmount: energy(other),
    share: percent(Math.abs(share), Math.abs(share) < 0.1 ? 1 : 0),
  };
  return t(Math.abs(share) < SAME ? 'history.same' : share < 0 ? 'history.less' : 'history.more', values);
}

/** @param {string} text */
const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);
