// @ts-check
import { get, isAborted, serverNow } from '../core/api.js';
import { fill, h, write } from '../core/dom.js';
import { energy, energyNumber } from '../core/format.js';
import { t, tn } from '../core/messages.js';
import { meters } from '../core/meters.js';
import { go, linkTo } from '../core/router.js';
import { Newest, View } from '../core/view.js';
import '../chart/bar-chart.js';
import { stepButton } from './day.js';
import { drawnOf, givenOf, isEstimated } from './energy.js';
import { compared } from './history-compare.js';
import { loadFacts } from './history-load.js';
import { barsOf, isSpan, SPANS, spanOf } from './history-span.js';

/** @typedef {import('./history-span.js').Span} Span */
/** @typedef {import('../types').Energy} Energy */
/** @typedef {import('../chart/bar-chart.js').BarChart} BarChart */

const REFRESH_MS = 300_000;

/** Days of a month, months of a year, years: beside the period before. */
class HistoryView extends View {
  #meter = /** @type {import('../types').Meter} */ (meters.chosen);
  #newest = new Newest();
  /** @type {Span | undefined} */
  #span;
  #title = h('h1', {});
  #choice = h('div', { class: 'choice', role: 'group', 'aria-label': t('history.by') });
  #steps = h('div', { class: 'steps' });
  #next = stepButton('next', t('history.next'), () => this.#step(1));
  #total = h('span', { class: 'figure' }, '–');
  #note = h('span', { class: 'soft' });
  #sentence = h('p', { class: 'sentence' });
  #chart = /** @type {BarChart} */ (
    /** @type {unknown} */ (
      h(/** @type {'div'} */ ('bar-chart'), { name: t('history.energy'), unit: 'kWh', class: 'with-key' })
    )
  );
  #key = h('p', { class: 'key soft', 'aria-hidden': 'true' });
  #load = h('dl', { class: 'card tiles' });

  connectedCallback() {
    fill(
      this.#steps,
      stepButton('previous', t('history.previous'), () => this.#step(-1)),
      this.#next,
    );
    fill(
      this,
      h('div', { class: 'view-head' }, this.#title, h('div', { class: 'steps' }, this.#choice, this.#steps)),
      this.trouble,
      h(
        'section',
        { class: 'card', 'aria-label': t('history.energy') },
        h(
          'div',
          { class: 'card-head' },
          h('h2', {}, t('history.energy')),
          h('p', { class: 'sum' }, this.#total, h('span', { class: 'unit' }, ' kWh')),
          this.#note,
        ),
        this.#sentence,
        this.#key,
        this.#chart,
      ),
      this.#load,
    );
    this.every(REFRESH_MS, () => this.#span && void this.ask(() => this.#ask()));
  }

  /** @param {Record<string, string>} query @override */
  show({ by, at }) {
    const span = spanOf(isSpan(by) ? by : 'month', at);
    this.#span = span;
    write(this.#title, span.title);
    fill(
      this.#choice,
      SPANS.map((name) =>
        h(
          'a',
          {
            href: linkTo('history', { by: name, at: span.in[name] }),
            'aria-current': name === span.by ? 'true' : undefined,
          },
          t(`history.${name}`),
        ),
      ),
    );
    this.#steps.hidden = span.by === 'all';
    this.#next.disabled = span.isNewest;
    void this.ask(() => this.#ask());
  }

  /** @param {number} n */
  #step(n) {
    if (this.#span) go('history', { by: this.#span.by, at: this.#span.stepped(n) });
  }

  async #ask() {
    const span = /** @type {Span} */ (this.#span);
    const signal = this.#newest.next(this.signal);
    try {
      const { before, from, to, parts } = span;
      const query = { meter: this.#meter.name, by: parts, from: before, to };
      /** @type {[Energy, void]} */
      const [answer] = await Promise.all([
        get('energy', query, { signal }),
        loadFacts(this.#load, this.#meter.name, span, signal),
      ]);
      const own = answer.periods.filter(({ label }) => label >= from.slice(0, label.length));
      const earlier = answer.periods.filter(({ label }) => label < from.slice(0, label.length));
      this.#show(span, own, earlier);
    } catch (error) {
      if (!isAborted(error)) throw error;
    }
  }

  /** @param {Span} span @param {Energy['periods']} own @param {Energy['periods']} earlier */
  #show(span, own, earlier) {
    const bars = barsOf(span, own, earlier, serverNow());
    const known = bars.filter(({ value }) => value !== null);
    const total = known.reduce((sum, { value }) => sum + (value ?? 0), 0);
    write(this.#total, known.length === 0 ? '–' : energyNumber(total));
    const guessed = own.filter(({ energies }) => isEstimated(drawnOf(energies))).length;
    const breaks = own.reduce((sum, { energies }) => sum + (drawnOf(energies)?.breaks ?? 0), 0);
    const given = own.reduce((sum, { energies }) => sum + (givenOf(energies)?.amount ?? 0), 0);
    const notes = [given > 0 ? t('day.given', { amount: energy(given) }) : '', breaks > 0 ? tn('breaks', breaks) : ''];
    write(this.#note, notes.filter((text) => text !== '').join(' · '));
    const hasGhost = bars.some(({ ghost }) => ghost !== null && ghost !== undefined && ghost > 0);
    write(this.#sentence, known.length === 0 ? '' : compared(span, own, earlier, serverNow()));
    fill(
      this.#key,
      hasGhost ? h('span', {}, h('i', { class: 'swatch ghost' }), span.beforeTitle) : null,
      guessed > 0 ? h('span', {}, h('i', { class: 'swatch estimated' }), t('chart.estimated')) : null,
    );
    this.#chart.bars = bars;
    this.#chart.words = wordsOf(bars);
  }
}

/** @param {import('../chart/bar-chart.js').Bar[]} bars */
function wordsOf(bars) {
  const known = bars.filter(({ isWhole }) => isWhole);
  const [first] = known;
  if (!first) return bars.some(({ value }) => value !== null) ? '' : t('history.empty');
  const most = known.reduce((best, bar) => ((bar.value ?? 0) > (best.value ?? 0) ? bar : best), first);
  const least = known.reduce((best, bar) => ((bar.value ?? 0) < (best.value ?? 0) ? bar : best), first);
  if (most === least) return '';
  return t('history.words', {
    most: most.name,
    mostAmount: energy(most.value),
    least: least.name,
    leastAmount: energy(least.value),
  });
}

customElements.define('history-view', HistoryView);
