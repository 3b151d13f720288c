// @ts-check
import { get } from './api.js';
import { useZone } from './format.js';

/** @typedef {import('../types').Meter} Meter */

const REMEMBERED = 'meter';

/** The meters that there are, and the one that is looked at. */
class MeterChoice extends EventTarget {
  /** @type {Meter[]} */
  all = [];
  /** @type {Meter | undefined} */
  chosen;
  isKnown = false;

  /** @throws {import('./api.js').ApiError} */
  async load() {
    /** @type {import('../types').Meters} */
    const { timeZone, meters } = await get('meters');
    useZone(timeZone);
    this.all = meters;
    this.isKnown = true;
    const name = this.chosen?.name ?? recall();
    const before = this.chosen?.name;
    this.chosen = meters.find((meter) => meter.name === name) ?? meters[0];
    if (this.chosen?.name !== before) this.dispatchEvent(new Event('change'));
  }

  /** @param {string} name */
  choose(name) {
    const found = this.all.find((meter) => meter.name === name);
    if (!found || found === this.chosen) return;
    this.chosen = found;
    try {
      localStorage.setItem(REMEMBERED, name);
    } catch {
      // Private windows may refuse; the choice then lasts as long as the window.
    }
    this.dispatchEvent(new Event('change'));
  }

  /** @param {string} quantity */
  has(quantity) {
    return this.chosen?.quantities.some(({ name }) => name === quantity) ?? false;
  }
}

function recall() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

export const meters = new MeterChoice();
