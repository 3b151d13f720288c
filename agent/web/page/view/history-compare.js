// @ts-check
import { energy, percent } from '../core/format.js';
import { t, tn } from '../core/messages.js';
import { amountOf } from './energy.js';

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
  if (span.by === 'all') return years(own, nowMs);
  const isWhole = [...own, ...earlier].every((period) => amountOf(period) !== null && Date.parse(period.to) <= nowMs);
  if (isWhole) return beside(t('history.whole'), sum(own), sum(earlier), span.beforeTitle);
  const pairs = own.flatMap((period, i) => {
    const other = earlier[i];
    const isOver = Date.parse(period.to) <= nowMs;
    return isOver && other && amountOf(period) !== null && amountOf(other) !== null ? [{ period, other }] : [];
  });
  if (pairs.length === 0) return '';
  const mine = pairs.map(({ period }) => period);
  const others = pairs.map(({ other }) => other);
  const subject = span.by === 'month' ? tn('days-whole', pairs.length) : t('history.months-whole', { n: pairs.length });
  return beside(subject, sum(mine), sum(others), t('history.same-of', { before: span.beforeTitle }));
}

/** @param {readonly Period[]} own @param {number} nowMs */
function years(own, nowMs) {
  const over = own.filter((period) => Date.parse(period.to) <= nowMs && amountOf(period) !== null);
  const [before, last] = over.slice(-2);
  return before && last ? beside(last.label, sum([last]), sum([before]), before.label) : '';
}

/** @param {readonly Period[]} periods */
const sum = (periods) => periods.reduce((all, period) => all + (amountOf(period) ?? 0), 0);

/** @param {string} subject @param {number} own @param {number} other @param {string} before */
function beside(subject, own, other, before) {
  if (other <= 0) return '';
  const share = own / other - 1;
  const values = {
    subject,
    amount: energy(own),
    before,
    beforeAmount: energy(other),
    share: percent(Math.abs(share), Math.abs(share) < 0.1 ? 1 : 0),
  };
  return t(Math.abs(share) < SAME ? 'history.same' : share < 0 ? 'history.less' : 'history.more', values);
}
