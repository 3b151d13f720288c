// @ts-check
import { fill, h, write } from '../core/dom.js';
import { energyNumber, LACKING, number } from '../core/format.js';
import { t } from '../core/messages.js';
import { dataTable } from './data-table.js';
import { decimalsOf, valueTicks } from './ticks.js';

/**
 * @typedef {object} Bar
 * @property {string} label below the bar
 * @property {boolean} [isMajor] its label is shown where there is little room, too
 * @property {string} name in full
 * @property {number | null} value null: nothing was read
 * @property {number | null} [ghost] of the period before
 * @property {string} [ghostName]
 * @property {boolean} [isEstimated]
 * @property {boolean} [isNow] the period goes on
 * @property {boolean} [isWhole] it is over, and was read throughout
 * @property {string} [href] where a click goes
 */

const TICKS = 4;
/** Less is a counter's step or two. */
const LEAST_TOP = 0.1;

/**
 * Bars of energy, to be walked with arrow keys, with what they say in words below them.
 * Attributes: `name`; `unit`; `hint`, shown while nothing is pointed at. Events: `pick` with the index of a bar that has no `href`.
 */
export class BarChart extends HTMLElement {
  /** @type {Bar[]} */
  #bars = [];
  #grid = h('div', { class: 'bar-grid', 'aria-hidden': 'true' });
  #columns = h('div', { class: 'bar-columns', role: 'group' });
  #readout = h('p', { class: 'readout', 'aria-hidden': 'true' });
  #words = h('p', { class: 'words' });
  #table = dataTable(this.getAttribute('name') ?? '', () => this.#rows());

  connectedCallback() {
    this.#columns.setAttribute('aria-label', this.getAttribute('name') ?? '');
    this.#columns.setAttribute('aria-roledescription', t('chart.role'));
    this.#columns.addEventListener('keydown', (event) => this.#key(event));
    for (const type of ['pointerover', 'focusin']) this.#columns.addEventListener(type, (event) => this.#point(event));
    for (const type of ['pointerleave', 'focusout']) this.#columns.addEventListener(type, () => this.#say(undefined));
    this.#say(undefined);
    fill(
      this,
      this.#readout,
      h('div', { class: 'bar-frame' }, this.#grid, this.#columns),
      this.#words,
      this.#table.element,
    );
  }

  get bars() {
    return this.#bars;
  }

  set bars(bars) {
    this.#bars = bars;
    this.#draw();
  }

  /** What the bars show, in words. @param {string} text */
  set words(text) {
    write(this.#words, text);
  }

  get #unit() {
    return this.getAttribute('unit') ?? 'kWh';
  }

  #draw() {
    const shown = this.#bars.flatMap(({ value, ghost }) => [value ?? 0, ghost ?? 0]);
    const most = Math.max(0, ...shown);
    const ticks = valueTicks(Math.min(0, ...shown), most === 0 ? 1 : Math.max(LEAST_TOP, most), TICKS);
    const greatest = ticks.at(-1) ?? 1;
    const decimals = decimalsOf(ticks);
    this.classList.toggle(
      'with-ghosts',
      this.#bars.some(({ ghost }) => ghost),
    );
    const marks = ticks.map((tick, i) => {
      const unit = i === ticks.length - 1 ? ` ${this.#unit}` : '';
      const mark = h('span', {}, `${number(tick, decimals)}${unit}`);
      mark.style.bottom = `${(tick / greatest) * 100}%`;
      return mark;
    });
    fill(this.#grid, marks);
    const focused = [...this.#columns.children].indexOf(/** @type {Element} */ (document.activeElement));
    const first = Math.max(0, focused);
    fill(
      this.#columns,
      this.#bars.map((bar, i) => this.#column(bar, i, greatest, i === first)),
    );
    if (focused >= 0) /** @type {HTMLElement | undefined} */ (this.#columns.children[focused])?.focus();
    this.#table.update();
  }

  /** @param {Bar} bar @param {number} index @param {number} greatest @param {boolean} isEntry */
  #column(bar, index, greatest, isEntry) {
    const solid = h('span', { class: `bar${bar.isEstimated ? ' estimated' : ''}${bar.isNow ? ' going-on' : ''}` });
    solid.style.height = `${(Math.max(0, bar.value ?? 0) / greatest) * 100}%`;
    const ghost = bar.ghost ? h('span', { class: 'bar ghost' }) : undefined;
    if (ghost) ghost.style.height = `${((bar.ghost ?? 0) / greatest) * 100}%`;
    const label = h('span', { class: bar.isMajor ? 'bar-label major' : 'bar-label', 'aria-hidden': 'true' }, bar.label);
    const attributes = {
      class: `bar-column${bar.value === null ? ' unread' : ''}`,
      'aria-label': this.#textOf(bar),
      tabindex: isEntry ? 0 : -1,
      'data-index': index,
    };
    const content = [h('span', { class: 'bar-space' }, ghost, solid), label];
    if (bar.href !== undefined) return h('a', { ...attributes, href: bar.href }, content);
    const pick = () => this.dispatchEvent(new CustomEvent('pick', { detail: index }));
    return h('button', { ...attributes, type: 'button', onclick: pick }, content);
  }

  /** @param {Bar} bar */
  #textOf({ name, value, ghost, ghostName, isEstimated, isNow }) {
    const amount = value === null ? t('chart.unread') : `${energyNumber(value)} ${this.#unit}`;
    const parts = [name, amount];
    if (isEstimated) parts.push(t('chart.estimated'));
    if (isNow) parts.push(t('chart.so-far'));
    if (ghost !== null && ghost !== undefined) parts.push(`${ghostName} ${energyNumber(ghost)} ${this.#unit}`);
    return parts.join(' · ');
  }

  /** @param {Event} event */
  #point(event) {
    const column = event.target instanceof Element ? event.target.closest('.bar-column') : null;
    const bar = this.#bars[Number(column?.getAttribute('data-index') ?? -1)];
    if (bar) this.#say(this.#textOf(bar));
  }

  /** @param {string | undefined} text undefined: nothing is pointed at */
  #say(text) {
    this.#readout.classList.toggle('hint', text === undefined);
    write(this.#readout, text ?? this.getAttribute('hint') ?? '');
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const columns = /** @type {HTMLElement[]} */ ([...this.#columns.children]);
    const at = columns.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: columns.length - 1 };
    const target = columns[moves[event.key] ?? -1];
    if (at < 0 || !target || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    for (const column of columns) column.tabIndex = column === target ? 0 : -1;
    target.focus();
  }

  #rows() {
    const hasGhost = this.#bars.some(({ ghost }) => ghost !== null && ghost !== undefined);
    const ghostName = this.#bars.find(({ ghostName }) => ghostName)?.ghostName ?? '';
    const amount = (/** @type {number | null | undefined} */ value) =>
      value === null || value === undefined ? LACKING : number(value, 2);
    return {
      heads: [
        t('chart.period'),
        this.#unit,
        t('chart.remark'),
        ...(hasGhost ? [`${t('chart.before')}, ${this.#unit}`] : []),
      ],
      rows: this.#bars.map((bar) => [
        bar.name,
        amount(bar.value),
        bar.value === null
          ? t('chart.unread')
          : bar.isEstimated
            ? t('chart.estimated')
            : bar.isNow
              ? t('chart.so-far')
              : '',
        ...(hasGhost
          ? [`${amount(bar.ghost)}${bar.ghostName && bar.ghostName !== ghostName ? ` (${bar.ghostName})` : ''}`]
          : []),
      ]),
    };
  }
}

customElements.define('bar-chart', BarChart);
