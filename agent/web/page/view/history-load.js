// @ts-check
import { get } from '../core/api.js';
import { fill } from '../core/dom.js';
import { dateShort, dayAndTime, monthLong, number } from '../core/format.js';
import { t } from '../core/messages.js';
import { tile } from './now-numbers.js';

/** @typedef {import('../types').LoadPeriod} LoadPeriod */

/**
 * Base load and peak: the lowest and the highest mean of a quarter of an hour.
 * @param {HTMLElement} element
 * @param {string} meter
 * @param {import('./history-span.js').Span} span
 * @param {AbortSignal} signal
 */
export async function loadFacts(element, meter, { by, from, to }, signal) {
  // Years of quarters are too many to look through.
  if (by === 'all') {
    element.hidden = true;
    return;
  }
  const parts = by === 'month' ? 'day' : 'month';
  /** @type {import('../types').Load} */
  const { periods } = await get('load', { meter, by: parts, from, to }, { signal });
  const based = least(periods);
  const peak = periods.reduce(
    (/** @type {LoadPeriod | undefined} */ best, one) =>
      one.peakW !== null && one.peakW > (best?.peakW ?? Number.NEGATIVE_INFINITY) ? one : best,
    undefined,
  );
  element.hidden = !based || !peak;
  if (!based || !peak) return;
  const base = figure(
    'base',
    t('history.base'),
    based.baseW,
    t('history.base-why', { when: parts === 'day' ? dateShort(based.label) : monthLong(based.label) }),
  );
  const most = figure(
    'peak',
    t('history.peak'),
    peak.peakW,
    t('history.peak-why', { when: dayAndTime(Date.parse(peak.peakTime ?? peak.from)) }),
  );
  fill(element, base, most);
}

/** @param {readonly LoadPeriod[]} periods @returns {LoadPeriod | undefined} */
const least = (periods) =>
  periods.reduce(
    (/** @type {LoadPeriod | undefined} */ best, one) =>
      one.baseW !== null && one.baseW < (best?.baseW ?? Number.POSITIVE_INFINITY) ? one : best,
    undefined,
  );

/** @param {string} name @param {string} label @param {number | null} watts @param {string} note */
function figure(name, label, watts, note) {
  const isKilo = Math.abs(watts ?? 0) >= 10_000;
  const { element, value } = tile(label, isKilo ? 'kW' : 'W', note);
  element.dataset.quantity = name;
  value.textContent = number(isKilo ? (watts ?? 0) / 1000 : watts, isKilo ? 1 : 0);
  return element;
}
