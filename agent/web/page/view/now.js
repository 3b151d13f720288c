// @ts-check
import { get, isAborted, serverNow } from '../core/api.js';
import { fill, h, write } from '../core/dom.js';
import { dateOf, energyNumber, number } from '../core/format.js';
import { live } from '../core/live.js';
import { t } from '../core/messages.js';
import { meters } from '../core/meters.js';
import { linkTo } from '../core/router.js';
import { View } from '../core/view.js';
import '../chart/line-chart.js';
import { healthLine } from './health-line.js';
import { Numbers, tile } from './now-numbers.js';
import { Today } from './now-today.js';
import { Trace } from './now-trace.js';
import { gapText, lastTime, wordsOf } from './now-words.js';

/** @typedef {import('../types').Outcome} Outcome */
/** @typedef {import('../chart/line-chart.js').LineChart} LineChart */

const HEALTH_MS = 30_000;
const TODAY_MS = 120_000;
const WORDS_MS = 5000;
const PATIENCE_MS = 700;

class NowView extends View {
  #meter = /** @type {import('../types').Meter} */ (meters.chosen);
  #trace = new Trace(this.#meter.name, this.#meter.intervalMs);
  #today = new Today(this.#meter.name);
  #numbers = new Numbers();
  #power = h('span', { class: 'hero-figure', id: 'power', 'data-live': 'power' }, '–');
  #time = h('span', { class: 'hero-time' });
  #note = h('p', { class: 'hero-note' });
  #chart = /** @type {LineChart} */ (
    /** @type {unknown} */ (
      h(/** @type {'div'} */ ('line-chart'), { name: t('now.trace'), unit: 'W', class: 'trace', live: true })
    )
  );
  #todayTile = tile(t('now.today'), 'kWh');
  #counter = tile(t('now.counter'), 'kWh');
  #health = h('p', { class: 'health-line' });
  #hasBegun = false;
  #wordsMs = 0;
  /** Of the reading that is shown. @type {number | undefined} */
  #lastMs;

  connectedCallback() {
    this.#todayTile.element.dataset.quantity = 'today';
    this.#counter.element.dataset.quantity = 'counter';
    this.#layOut();
    this.listen(live, 'outcome', ({ detail }) => this.#take(detail));
    this.listen(live, 'hello', () => (this.#hasBegun ? void this.#refill() : this.#begin()));
    this.listen(live, 'state', () => this.#showState());
    if (live.reading) this.#take(live.reading);
    this.#showState();
    this.every(1000, () => live.state !== 'live' && this.#draw());
    // The live value comes first: what is asked of the journal takes the server a moment.
    const patience = setTimeout(() => this.#begin(), live.isOpen ? 0 : PATIENCE_MS);
    this.signal.addEventListener('abort', () => clearTimeout(patience));
  }

  /** All that is asked for, once. */
  #begin() {
    if (this.#hasBegun || this.signal.aborted) return;
    this.#hasBegun = true;
    void this.#refill();
    this.every(HEALTH_MS, () => void healthLine(this.#health, this.signal));
    this.every(TODAY_MS, () => void this.#countToday());
  }

  async #countToday() {
    await this.#today.load(this.signal).catch(() => {});
    this.#showToday();
  }

  #layOut() {
    fill(
      this,
      h('h1', { class: 'quiet' }, t('view.now')),
      this.trouble,
      h(
        'section',
        { class: 'card hero', 'aria-label': t('quantity.power') },
        h(
          'p',
          { class: 'hero-label' },
          h('span', {}, meters.all.length > 1 ? `${this.#meter.name} · ${t('quantity.power')}` : t('quantity.power')),
          this.#time,
        ),
        h('p', { class: 'hero-value' }, this.#power, h('span', { class: 'hero-unit' }, ' W')),
        this.#note,
        this.#chart,
      ),
      this.#numbers.phases
        ? h('section', { class: 'card', 'aria-label': t('now.phases') }, this.#numbers.phases)
        : null,
      h('dl', { class: 'card tiles' }, ...this.#numbers.tiles, this.#todayTile.element, this.#counter.element),
      h('a', { class: 'card health-link', href: linkTo('health') }, this.#health),
    );
  }

  /** What was missed while there was no stream. */
  async #refill() {
    try {
      await Promise.all([this.#trace.load(this.signal), this.#recall()]);
      this.trouble.hidden = true;
    } catch (error) {
      // Without a connection the state says so; what the server refuses is told in its words.
      if (isAborted(error) || live.state === 'offline') return;
      write(this.trouble, error instanceof Error ? error.message : String(error));
      this.trouble.hidden = false;
      return;
    }
    this.#draw(true);
  }

  /** Until the stream brings one: the last reading there is. */
  async #recall() {
    if (live.reading) return;
    /** @type {{measurements: {meter: string, time: string | null, values: Record<string, number>}[]}} */
    const { measurements } = await get('latest', {}, { signal: this.signal });
    const last = measurements.find(({ meter }) => meter === this.#meter.name);
    if (live.reading || !last?.time) return;
    this.#showValues(last.values, Date.parse(last.time));
    this.#showState();
  }

  /** @param {Outcome} outcome */
  #take(outcome) {
    this.#trace.take(outcome);
    if (outcome.values) this.#showValues(outcome.values, Date.parse(outcome.time));
    this.#showState();
    this.#draw();
  }

  /** @param {Record<string, number>} values @param {number} timeMs */
  #showValues(values, timeMs) {
    this.#lastMs = timeMs;
    write(this.#power, number(values.active_power));
    write(this.#time, lastTime(timeMs));
    this.#numbers.show(values);
    const counter = values.active_energy ?? values.active_energy_import;
    if (counter === undefined) return;
    write(this.#counter.value, number(counter, 2));
    if (values.active_energy_export !== undefined) {
      write(this.#counter.remark, t('now.exported', { amount: energyNumber(values.active_energy_export) }));
    }
    this.#today.count(counter);
    this.#showToday();
  }

  #showToday() {
    const { amount, isEstimated } = this.#today;
    if (amount === undefined) return;
    write(this.#todayTile.value, number(amount, 2));
    write(this.#todayTile.remark, isEstimated ? t('chart.estimated') : '');
    // Midnight where the meter is.
    if (this.#today.date !== dateOf(serverNow())) void this.#countToday();
  }

  #showState() {
    this.dataset.state = live.state;
    const said = this.#said();
    this.#note.classList.toggle('told', said !== '');
    write(this.#note, said || t('now.minutes'));
  }

  /** What is not as it should be. */
  #said() {
    const { state, latest } = live;
    if (state === 'live') return latest?.values ? (latest.held ? t('now.held') : '') : gapText(latest);
    const lastMs = this.#lastMs;
    const last = lastMs === undefined ? '' : t('now.last', { time: lastTime(lastMs) });
    const why =
      state === 'waiting'
        ? t('now.waiting')
        : state === 'offline'
          ? t('now.offline')
          : gapText(latest) || t('now.stale');
    return [why, last].filter((text) => text !== '').join(' ');
  }

  #draw(isSaid = false) {
    if (document.visibilityState === 'hidden') return;
    const curve = this.#trace.curve();
    this.#chart.curve = curve;
    const nowMs = performance.now();
    // Words that change each second cannot be read.
    if (!isSaid && nowMs - this.#wordsMs < WORDS_MS) return;
    this.#wordsMs = nowMs;
    this.#chart.words = wordsOf(curve);
  }
}

customElements.define('now-view', NowView);
