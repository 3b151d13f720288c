// @ts-check
import { get, serverNow } from '../core/api.js';

/** @typedef {import('../types').Outcome} Outcome */

export const TRACE_MS = 600_000;

/** The power of the last ten minutes: what the journal has, continued by the stream. */
export class Trace {
  /** @type {number[]} */
  #timesMs = [];
  /** @type {(number | null)[]} */
  #values = [];
  #meter;
  #stepMs;

  /** @param {string} meter @param {number | null} intervalMs */
  constructor(meter, intervalMs) {
    this.#meter = meter;
    this.#stepMs = intervalMs ?? 1000;
  }

  /** Asks for all of it anew, so that nothing is missing which the stream did not bring. @param {AbortSignal} signal */
  async load(signal) {
    const toMs = Math.ceil(serverNow() / 1000) * 1000 + 1000;
    const query = {
      meter: this.#meter,
      quantity: 'active_power',
      from: toMs - TRACE_MS - 1000,
      to: toMs,
      resolution: 'second',
    };
    /** @type {import('../types').Series} */
    const { timesMs, quantities } = await get('series', query, { signal });
    const newer = this.#timesMs.findIndex((timeMs) => timeMs > (timesMs.at(-1) ?? 0));
    const more =
      newer < 0
        ? []
        : this.#timesMs
            .slice(newer)
            .map((timeMs, i) => /** @type {const} */ ([timeMs, this.#values[newer + i] ?? null]));
    this.#timesMs = timesMs;
    this.#values = quantities.active_power?.mean ?? timesMs.map(() => null);
    // What is not read yet is no gap.
    while (this.#values.length > 0 && this.#values.at(-1) === null) {
      this.#values.pop();
      this.#timesMs.pop();
    }
    for (const [timeMs, value] of more) this.#add(timeMs, value);
  }

  /** @param {Outcome} outcome */
  take({ time, values }) {
    this.#add(Date.parse(time), values?.active_power ?? null);
  }

  /** @param {number} timeMs @param {number | null} value */
  #add(timeMs, value) {
    const lastMs = this.#timesMs.at(-1) ?? timeMs;
    if (timeMs === lastMs && this.#timesMs.length > 0) {
      this.#values[this.#values.length - 1] = value;
      return;
    }
    // A clock that was set back: the journal has what is right.
    if (timeMs < lastMs) return;
    if (timeMs - lastMs > 1.5 * this.#stepMs) this.#push(lastMs + this.#stepMs, null);
    this.#push(timeMs, value);
  }

  /** @param {number} timeMs @param {number | null} value */
  #push(timeMs, value) {
    this.#timesMs.push(timeMs);
    this.#values.push(value);
  }

  get lastMs() {
    return this.#timesMs.at(-1);
  }

  /** Up to now; what has not come by then is a hole. @returns {import('../chart/curve.js').Curve} */
  curve() {
    const nowMs = Math.floor(serverNow() / 1000) * 1000;
    const lastMs = this.lastMs ?? nowMs;
    const isLate = nowMs - lastMs > 2.5 * this.#stepMs + 1000;
    const toMs = isLate ? nowMs : lastMs;
    const fromMs = toMs - TRACE_MS;
    const first = this.#timesMs.findIndex((timeMs) => timeMs >= fromMs);
    if (first > 0) {
      this.#timesMs.splice(0, first);
      this.#values.splice(0, first);
    }
    const timesMs = [...this.#timesMs];
    const mean = [...this.#values];
    if (isLate) {
      timesMs.push(lastMs + this.#stepMs, nowMs);
      mean.push(null, null);
    }
    return { timesMs, mean, fromMs, toMs, stepMs: this.#stepMs };
  }
}
