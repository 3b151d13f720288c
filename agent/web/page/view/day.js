// @ts-check
import { serverNow } from '../core/api.js';
import { addDays, isDate } from '../core/calendar.js';
import { fill, h, write } from '../core/dom.js';
import { dateLong, dateOf } from '../core/format.js';
import { t } from '../core/messages.js';
import { meters } from '../core/meters.js';
import { go } from '../core/router.js';
import { View } from '../core/view.js';
import { DayEnergy } from './day-energy.js';
import { DayPower } from './day-power.js';

const REFRESH_MS = 60_000;

/** One day: its curve down to the second, its hours, its tariffs. */
class DayView extends View {
  #date = '';
  #meter = /** @type {import('../types').Meter} */ (meters.chosen);
  #title = h('h1', {});
  #input = h('input', { type: 'date', 'aria-label': t('day.date') });
  #next = stepButton('next', t('day.next'), () => this.#step(1));
  #power = new DayPower(this.#meter.name, this);
  #energy = new DayEnergy(this.#meter.name, this, (fromMs, toMs) => this.#power.zoom(fromMs, toMs, true));

  connectedCallback() {
    this.#input.addEventListener('change', () => {
      if (isDate(this.#input.value)) go('day', { date: this.#input.value });
    });
    fill(
      this,
      h(
        'div',
        { class: 'view-head' },
        this.#title,
        h(
          'div',
          { class: 'steps' },
          stepButton('previous', t('day.previous'), () => this.#step(-1)),
          this.#input,
          this.#next,
          h('button', { type: 'button', onclick: () => go('day') }, t('day.today')),
        ),
      ),
      this.trouble,
      this.#power.element,
      this.#energy.element,
    );
    this.listen(document, 'keydown', ({ key }) => key === 'Escape' && this.#power.unzoom());
    this.every(REFRESH_MS, () => this.#isToday && void this.#load());
  }

  /** @param {Record<string, string>} query @override */
  show({ date }) {
    const today = dateOf(serverNow());
    this.#date = isDate(date) && date <= today ? date : today;
    write(this.#title, dateLong(this.#date));
    this.#input.max = today;
    this.#input.value = this.#date;
    this.#next.disabled = this.#isToday;
    this.#power.choose(this.#date);
    this.#energy.choose(this.#date);
    void this.#load();
  }

  get #isToday() {
    return this.#date !== '' && this.#date >= dateOf(serverNow());
  }

  /** @param {number} days */
  #step(days) {
    go('day', { date: addDays(this.#date, days) });
  }

  async #load() {
    await this.ask(async () => {
      await Promise.all([this.#power.load(), this.#energy.load()]);
    });
  }
}

/** @param {'previous' | 'next'} way @param {string} label @param {() => void} step */
export function stepButton(way, label, step) {
  return h(
    'button',
    { type: 'button', class: 'step', 'aria-label': label, title: label, onclick: step },
    way === 'next' ? '›' : '‹',
  );
}

customElements.define('day-view', DayView);
