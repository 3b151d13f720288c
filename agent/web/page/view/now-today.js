// @ts-check
import { get, serverNow } from '../core/api.js';
import { addDays } from '../core/calendar.js';
import { dateOf } from '../core/format.js';
import { amountOf, drawnOf, isEstimated } from './energy.js';

/** What was drawn since midnight: as the history has it, and what the counter has grown by since. */
export class Today {
  #meter;
  /** @type {number | undefined} */
  #counter;
  /** @type {{amount: number, counter: number | undefined, isEstimated: boolean} | undefined} */
  #known;
  date = '';

  /** @param {string} meter */
  constructor(meter) {
    this.#meter = meter;
  }

  /** @param {AbortSignal} signal */
  async load(signal) {
    const date = dateOf(serverNow());
    if (date !== this.date) this.#known = undefined;
    this.date = date;
    const counter = this.#counter;
    /** @type {import('../types').Energy} */
    const { periods } = await get(
      'energy',
      { meter: this.#meter, by: 'day', from: date, to: addDays(date, 1) },
      { signal },
    );
    const [period] = periods;
    if (!period || amountOf(period) === null) return;
    const drawn = drawnOf(period.energies);
    this.#known = {
      amount: drawn?.amount ?? 0,
      counter: this.#counter ?? counter,
      isEstimated: isEstimated(drawn),
    };
  }

  /** @param {number} counter as it was just read */
  count(counter) {
    this.#counter = counter;
    if (this.#known) this.#known.counter ??= counter;
  }

  get amount() {
    if (!this.#known) return undefined;
    const { amount, counter } = this.#known;
    return amount + Math.max(0, (this.#counter ?? 0) - (counter ?? this.#counter ?? 0));
  }

  get isEstimated() {
    return this.#known?.isEstimated ?? false;
  }
}
