// @ts-check
import { fill, h, write } from '../core/dom.js';
import { clock, hourMinute, number } from '../core/format.js';
import { t } from '../core/messages.js';
import { emptyCurve, extremesOf, nearest } from './curve.js';
import { dataTable } from './data-table.js';
import { createPlot } from './plot.js';
import { chooseByTouch } from './touch-range.js';

/** @typedef {import('./curve.js').Curve} Curve */

const DARK = matchMedia('(prefers-color-scheme: dark)');
const ZOOM = 3;
/** A house that draws nothing is not looked at through a microscope. */
const LEAST_TOP = 100;
const TABLE_MS = 5000;
const LEAST_SPAN_MS = 10_000;

/**
 * A curve over time, to be pointed at by mouse, finger and keys, with what it says in words below it.
 * Attributes: `name`; `unit`; `hint`, shown while nothing is pointed at; `zoomable`; `live`, where it grows each second. Events: `zoom` with `{fromMs, toMs}`, `unzoom`.
 */
export class LineChart extends HTMLElement {
  /** @type {import('./plot.js').Plot | undefined} */
  #plot;
  #curve = emptyCurve(0, 1);
  /** Of the value that is pointed at. @type {number | null} */
  #at = null;
  #frame = h('div', { class: 'plot', role: 'group', tabindex: 0 });
  #readout = h('p', { class: 'readout' });
  #spoken = h('p', { class: 'quiet', 'aria-live': 'polite' });
  #words = h('p', { class: 'words' });
  #table = dataTable(this.getAttribute('name') ?? '', () => this.#rows());
  #tabledMs = 0;
  #sizes = new ResizeObserver(() => this.#plot?.resize());
  #repaint = () => this.#plot?.repaint();

  connectedCallback() {
    if (this.#plot) return;
    const isZoomable = this.hasAttribute('zoomable');
    this.#frame.setAttribute('aria-label', this.getAttribute('name') ?? '');
    this.#frame.setAttribute('aria-roledescription', t('chart.role'));
    this.#frame.addEventListener('keydown', (event) => this.#key(event));
    this.#frame.addEventListener('blur', () => this.#plot?.unpoint());
    fill(this, this.#readout, this.#frame, this.#spoken, this.#words, this.#table.element);
    this.#plot = createPlot(this.#frame, {
      height: () => Math.max(120, this.#frame.clientHeight),
      unit: this.#unit,
      onCursor: (index) => this.#point(index),
      ...(isZoomable && {
        onSelect: (fromMs, toMs) => this.#zoom(fromMs, toMs),
        onReset: () => this.dispatchEvent(new Event('unzoom')),
      }),
    });
    if (isZoomable) chooseByTouch(this.#plot.over, this.#plot);
    this.#sizes.observe(this.#frame);
    DARK.addEventListener('change', this.#repaint);
    this.#point(null);
    this.#draw();
  }

  disconnectedCallback() {
    this.#sizes.disconnect();
    DARK.removeEventListener('change', this.#repaint);
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#frame.replaceChildren();
  }

  get curve() {
    return this.#curve;
  }

  set curve(curve) {
    this.#curve = curve;
    this.#draw();
  }

  /** What the curve shows, in words. @param {string} text */
  set words(text) {
    write(this.#words, text);
  }

  get #hint() {
    return this.getAttribute('hint') ?? '';
  }

  get #unit() {
    return this.getAttribute('unit') ?? 'W';
  }

  #draw() {
    if (!this.#plot) return;
    const { least = 0, greatest = 0 } = extremesOf(this.#curve) ?? {};
    this.#plot.show(this.#curve, { least, greatest: Math.max(greatest, least < 0 ? 0 : LEAST_TOP) });
    const nowMs = performance.now();
    // A table that changes each second cannot be read.
    if (this.hasAttribute('live') && nowMs - this.#tabledMs < TABLE_MS) return;
    this.#tabledMs = nowMs;
    this.#table.update();
  }

  /** @param {number | null} index */
  #point(index) {
    this.#at = index;
    this.#readout.classList.toggle('hint', index === null);
    write(this.#readout, index === null ? this.#hint : this.#textAt(index));
  }

  /** @param {number} index */
  #textAt(index) {
    const { timesMs, mean, min, max } = this.#curve;
    const at = timesMs[index];
    if (at === undefined) return '';
    const value = mean[index];
    const time = this.#clock(at);
    if (value === null || value === undefined) return t('chart.gap-at', { time });
    const text = `${time} · ${number(value, this.#decimals)} ${this.#unit}`;
    const [low, high] = [min?.[index], max?.[index]];
    if (low === undefined || low === null || high === undefined || high === null || low === high) return text;
    return `${text} · ${t('chart.between', { low: number(low, this.#decimals), high: `${number(high, this.#decimals)} ${this.#unit}` })}`;
  }

  get #decimals() {
    return this.#unit === 'W' ? 0 : 1;
  }

  get #clock() {
    return this.#curve.stepMs < 60_000 ? clock : hourMinute;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.#curve.timesMs.length - 1;
    if (last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#at ?? last + (event.key === 'ArrowLeft' ? 1 : 0);
    const far = event.shiftKey ? 10 : 1;
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: at - far, ArrowRight: at + far, PageUp: at - 60, PageDown: at + 60, Home: 0, End: last };
    const to = moves[event.key];
    if (to !== undefined) {
      const index = Math.max(0, Math.min(last, to));
      this.#plot?.point(index);
      write(this.#spoken, this.#textAt(index));
    } else if (!this.hasAttribute('zoomable')) return;
    else if (event.key === 'Escape') this.dispatchEvent(new Event('unzoom'));
    else if (event.key === '+') this.zoomBy(ZOOM);
    else if (event.key === '-') this.zoomBy(1 / ZOOM);
    else return;
    event.preventDefault();
  }

  /** Around what is pointed at, else around the middle. @param {number} factor */
  zoomBy(factor) {
    const { fromMs, toMs, timesMs } = this.#curve;
    const spanMs = (toMs - fromMs) / factor;
    const middleMs = (this.#at === null ? undefined : timesMs[this.#at]) ?? (fromMs + toMs) / 2;
    this.#zoom(middleMs - spanMs / 2, middleMs + spanMs / 2);
  }

  /** @param {number} fromMs @param {number} toMs */
  #zoom(fromMs, toMs) {
    const middleMs = (fromMs + toMs) / 2;
    const halfMs = Math.max(LEAST_SPAN_MS, toMs - fromMs) / 2;
    const detail = {
      fromMs: Math.floor((middleMs - halfMs) / 1000) * 1000,
      toMs: Math.ceil((middleMs + halfMs) / 1000) * 1000,
    };
    this.dispatchEvent(new CustomEvent('zoom', { detail }));
  }

  /** Points at a moment. @param {number} timeMs */
  pointAt(timeMs) {
    this.#plot?.point(nearest(this.#curve, timeMs));
  }

  #rows() {
    const { timesMs, mean, min, max } = this.#curve;
    const hasSpan = min !== undefined && max !== undefined;
    const heads = [
      t('chart.time'),
      ...(hasSpan ? ['mean', 'least', 'greatest'] : ['value']).map(
        (key) => `${t(/** @type {'chart.mean'} */ (`chart.${key}`))}, ${this.#unit}`,
      ),
    ];
    const text = (/** @type {number | null | undefined} */ value) =>
      value === null || value === undefined ? t('chart.gap') : number(value, this.#decimals);
    const rows = timesMs.map((at, i) => [
      this.#clock(at),
      text(mean[i]),
      ...(hasSpan ? [text(min[i]), text(max[i])] : []),
    ]);
    return { heads, rows };
  }
}

customElements.define('line-chart', LineChart);
