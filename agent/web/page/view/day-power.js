// @ts-check
import { get, isAborted, serverNow } from '../core/api.js';
import { addDays } from '../core/calendar.js';
import { h, write } from '../core/dom.js';
import { clock, duration, hourMinute, power } from '../core/format.js';
import { t } from '../core/messages.js';
import { Newest } from '../core/view.js';
import '../chart/line-chart.js';
import { emptyCurve, extremesOf, holesOf } from '../chart/curve.js';

/** @typedef {import('../types').Series} Series */
/** @typedef {import('../chart/line-chart.js').LineChart} LineChart */

/** A day of 25 hours in minutes. */
const POINTS_A_DAY = 1500;
/** So many seconds are shown one by one. */
const POINTS_ZOOMED = 1800;
const DAY_MS = 86_400_000;

/** The curve of a day, or of a stretch of it. */
export class DayPower {
  #meter;
  #view;
  #newest = new Newest();
  #date = '';
  #day = { fromMs: 0, toMs: DAY_MS };
  /** @type {{fromMs: number, toMs: number} | undefined} */
  #zoomed;
  #chart = /** @type {LineChart} */ (
    /** @type {unknown} */ (
      h(/** @type {'div'} */ ('line-chart'), {
        name: t('day.power'),
        unit: 'W',
        zoomable: true,
        hint: t('day.zoom-hint'),
      })
    )
  );
  #span = h('span', { class: 'soft span' });
  #reset = h('button', { type: 'button', hidden: true }, t('day.whole'));
  element;

  /** @param {string} meter @param {import('../core/view.js').View} view */
  constructor(meter, view) {
    this.#meter = meter;
    this.#view = view;
    this.#chart.addEventListener('zoom', (event) => {
      const { fromMs, toMs } = /** @type {CustomEvent} */ (event).detail;
      this.zoom(fromMs, toMs);
    });
    this.#chart.addEventListener('unzoom', () => this.unzoom());
    this.#reset.addEventListener('click', () => {
      this.unzoom();
      /** @type {HTMLElement | null} */ (this.#chart.querySelector('.plot'))?.focus();
    });
    this.element = h(
      'section',
      { class: 'card', 'aria-label': t('day.power') },
      h('div', { class: 'card-head' }, h('h2', {}, t('quantity.power')), this.#span, this.#reset),
      this.#chart,
    );
  }

  /** @param {string} date */
  choose(date) {
    if (date === this.#date) return;
    this.#date = date;
    this.#zoomed = undefined;
    this.#showSpan();
  }

  async load() {
    const zoomed = this.#zoomed;
    const span = zoomed ? { from: zoomed.fromMs, to: zoomed.toMs } : { from: this.#date, to: addDays(this.#date, 1) };
    const points = zoomed ? POINTS_ZOOMED : POINTS_A_DAY;
    const query = { meter: this.#meter, quantity: 'active_power', ...span, points };
    const signal = this.#newest.next(this.#view.signal);
    /** @type {Series} */
    let series;
    try {
      series = await get('series', query, { signal });
    } catch (error) {
      // Another stretch was asked for meanwhile.
      if (isAborted(error)) return;
      throw error;
    }
    const ends = { fromMs: Date.parse(series.from), toMs: Date.parse(series.to) };
    if (!zoomed) this.#day = ends;
    const curve = { ...curveOf(series), ...ends };
    this.#chart.curve = curve;
    this.#chart.words = wordsOf(curve);
    this.#showSpan();
  }

  /** @param {number} fromMs @param {number} toMs @param {boolean} [isSeen] whether to scroll to it */
  zoom(fromMs, toMs, isSeen = false) {
    const from = Math.max(this.#day.fromMs, fromMs);
    const to = Math.min(this.#day.toMs, toMs);
    if (to <= from) return;
    if (from === this.#day.fromMs && to === this.#day.toMs) return this.unzoom();
    this.#zoomed = { fromMs: from, toMs: to };
    if (isSeen) this.element.scrollIntoView({ block: 'nearest' });
    void this.#view.ask(() => this.load());
  }

  /** Back to the whole day. */
  unzoom() {
    if (!this.#zoomed) return;
    this.#zoomed = undefined;
    void this.#view.ask(() => this.load());
  }

  #showSpan() {
    this.#reset.hidden = !this.#zoomed;
    const { fromMs, toMs } = this.#zoomed ?? { fromMs: 0, toMs: 0 };
    const text = toMs - fromMs < 3_600_000 ? clock : hourMinute;
    write(this.#span, this.#zoomed ? `${text(fromMs)} – ${text(toMs)}` : '');
  }
}

/** @param {Series} series @returns {import('../chart/curve.js').Curve} */
function curveOf({ timesMs, quantities: { active_power: column }, stepMs }) {
  const empty = emptyCurve(0, 0);
  if (!column?.mean) return empty;
  const spread = column.min && column.max && (stepMs ?? 0) > 1000 ? { min: column.min, max: column.max } : {};
  const { mean } = column;
  let end = timesMs.length;
  // What is still to come is no gap.
  while (end > 0 && mean[end - 1] === null && (timesMs[end - 1] ?? 0) > serverNow() - 2 * (stepMs ?? 1000)) end--;
  const cut = (/** @type {(number | null)[]} */ all) => all.slice(0, end);
  return {
    ...empty,
    timesMs: timesMs.slice(0, end),
    mean: cut(mean),
    ...(spread.min && { min: cut(spread.min), max: cut(spread.max) }),
    stepMs: stepMs ?? 1000,
  };
}

/** @param {import('../chart/curve.js').Curve} curve */
function wordsOf(curve) {
  const extremes = extremesOf(curve);
  if (!extremes) return t('day.empty');
  const { least, greatest, greatestMs, mean } = extremes;
  const time = curve.stepMs < 60_000 ? clock(greatestMs) : hourMinute(greatestMs);
  const said = t('day.power-words', { mean: power(mean), least: power(least), greatest: power(greatest), time });
  const holes = holesOf(curve);
  const seconds = holes.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0) / 1000;
  return holes.length > 0 ? `${said} ${t('chart.missing', { time: duration(seconds) })}` : said;
}
