// @ts-check
import { get, isAborted, serverNow } from '../core/api.js';
import { addDays } from '../core/calendar.js';
import { fill, h, write } from '../core/dom.js';
import { energy, energyNumber, hourMinute, offsetName, percent } from '../core/format.js';
import { t } from '../core/messages.js';
import { Newest } from '../core/view.js';
import '../chart/bar-chart.js';
import { amountOf, drawnOf, givenOf, isEstimated, tariffsOf } from './energy.js';

/** @typedef {import('../types').Energy} Energy */
/** @typedef {import('../types').Period} Period */
/** @typedef {import('../chart/bar-chart.js').BarChart} BarChart */

/** What a day's hours have taken, and under which tariff. */
export class DayEnergy {
  #meter;
  #view;
  #newest = new Newest();
  #date = '';
  /** @type {Period[]} */
  #periods = [];
  #chart = /** @type {BarChart} */ (
    /** @type {unknown} */ (
      h(/** @type {'div'} */ ('bar-chart'), { name: t('day.hours'), unit: 'kWh', hint: t('day.hours-hint') })
    )
  );
  #total = h('span', { class: 'figure' }, '–');
  #note = h('span', { class: 'soft' });
  #tariffs = h('section', { class: 'card', 'aria-label': t('day.tariffs'), hidden: true });
  element;

  /**
   * @param {string} meter
   * @param {import('../core/view.js').View} view
   * @param {(fromMs: number, toMs: number) => void} onHour
   */
  constructor(meter, view, onHour) {
    this.#meter = meter;
    this.#view = view;
    this.#chart.addEventListener('pick', (event) => {
      const period = this.#periods[/** @type {CustomEvent<number>} */ (event).detail];
      if (period) onHour(Date.parse(period.from), Date.parse(period.to));
    });
    this.element = h(
      'div',
      { class: 'stack' },
      h(
        'section',
        { class: 'card', 'aria-label': t('day.hours') },
        h(
          'div',
          { class: 'card-head' },
          h('h2', {}, t('day.energy')),
          h('p', { class: 'sum' }, this.#total, h('span', { class: 'unit' }, ' kWh')),
          this.#note,
        ),
        this.#chart,
      ),
      this.#tariffs,
    );
  }

  /** @param {string} date */
  choose(date) {
    this.#date = date;
  }

  async load() {
    const query = { meter: this.#meter, by: 'hour', from: this.#date, to: addDays(this.#date, 1) };
    /** @type {Energy} */
    let answer;
    try {
      answer = await get('energy', query, { signal: this.#newest.next(this.#view.signal) });
    } catch (error) {
      if (isAborted(error)) return;
      throw error;
    }
    this.#periods = answer.periods;
    const isKnown = answer.periods.some((period) => amountOf(period) !== null);
    const drawn = drawnOf(answer.total);
    const given = givenOf(answer.total);
    write(this.#total, isKnown ? energyNumber(drawn?.amount) : '–');
    const notes = [
      given && given.amount >= 0.005 ? t('day.given', { amount: energy(given.amount) }) : '',
      isEstimated(drawn) ? t('day.estimated', { amount: energy(drawn?.amount && drawn.estimated) }) : '',
      answer.periods.length === 24 ? '' : t('day.hours-count', { n: answer.periods.length }),
    ];
    write(this.#note, notes.filter((text) => text !== '').join(' · '));
    this.#chart.bars = barsOf(answer.periods);
    this.#chart.words = isKnown ? wordsOf(answer.periods) : t('day.empty');
    this.#showTariffs(tariffsOf(answer.total), drawn?.amount ?? 0);
  }

  /** @param {ReturnType<typeof tariffsOf>} tariffs @param {number} total */
  #showTariffs(tariffs, total) {
    const counting = tariffs.filter(({ amount }) => amount.amount > 0);
    this.#tariffs.hidden = counting.length === 0 || total <= 0;
    const parts = counting.map(({ tariff, amount }, i) => {
      const part = h('span', { class: `tariff tariff-${i + 1}` });
      part.style.flexGrow = String(amount.amount);
      return {
        part,
        text: h(
          'li',
          {},
          h('span', { class: `swatch tariff-${i + 1}`, 'aria-hidden': 'true' }),
          h('span', {}, tariff),
          h('span', { class: 'figure' }, energy(amount.amount)),
          h('span', { class: 'soft' }, percent(amount.amount / total)),
        ),
      };
    });
    fill(
      this.#tariffs,
      h('div', { class: 'card-head' }, h('h2', {}, t('day.tariffs'))),
      h(
        'div',
        { class: 'split', 'aria-hidden': 'true' },
        parts.map(({ part }) => part),
      ),
      h(
        'ul',
        { class: 'legend' },
        parts.map(({ text }) => text),
      ),
    );
  }
}

/** @param {Period[]} periods @returns {import('../chart/bar-chart.js').Bar[]} */
function barsOf(periods) {
  const isPlain = periods.length === 24;
  const nowMs = serverNow();
  return periods.map((period) => {
    const fromMs = Date.parse(period.from);
    const toMs = Date.parse(period.to);
    const hour = hourMinute(fromMs);
    const name = `${hour}–${hourMinute(toMs)}${isPlain ? '' : ` (${offsetName(fromMs)})`}`;
    return {
      label: hour.slice(0, 2),
      isMajor: Number(hour.slice(0, 2)) % 6 === 0,
      name,
      value: amountOf(period),
      isEstimated: isEstimated(drawnOf(period.energies)),
      isNow: fromMs <= nowMs && nowMs < toMs,
    };
  });
}

/** @param {Period[]} periods */
function wordsOf(periods) {
  const read = periods.filter((period) => amountOf(period) !== null);
  const most = read.reduce(
    (best, period) => ((amountOf(period) ?? 0) > (amountOf(best) ?? 0) ? period : best),
    /** @type {Period} */ (read[0]),
  );
  return t('day.hours-words', {
    hour: `${hourMinute(Date.parse(most.from))}–${hourMinute(Date.parse(most.to))}`,
    amount: energy(amountOf(most)),
  });
}
