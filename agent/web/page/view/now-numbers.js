// @ts-check
import { h, write } from '../core/dom.js';
import { LACKING, number } from '../core/format.js';
import { t } from '../core/messages.js';
import { meters } from '../core/meters.js';

/** @typedef {{name: string, label: string, unit: string, decimals: number}} Shown */

const PHASES = ['l1', 'l2', 'l3'];

/** @returns {Shown[]} */
const ALL = () => [
  { name: 'voltage', label: t('quantity.voltage'), unit: 'V', decimals: 1 },
  { name: 'current', label: t('quantity.current'), unit: 'A', decimals: 2 },
  { name: 'power_factor', label: t('quantity.power_factor'), unit: '', decimals: 3 },
  { name: 'frequency', label: t('quantity.frequency'), unit: 'Hz', decimals: 2 },
];

/** @param {string} label @param {string} unit @param {string} [note] */
export function tile(label, unit, note) {
  const value = h('span', { class: 'figure' }, LACKING);
  const remark = h('span', { class: 'tile-note' }, note ?? '');
  const element = h(
    'div',
    { class: 'tile' },
    h('dt', {}, label),
    h('dd', {}, value, unit === '' ? null : h('span', { class: 'unit' }, ` ${unit}`), remark),
  );
  return { element, value, remark };
}

/** What the meter measures besides power: a tile each, or a table of three phases. */
export class Numbers {
  /** @type {{name: string, decimals: number, value: Element}[]} */
  #cells = [];
  /** @type {HTMLElement[]} */
  tiles = [];
  /** @type {HTMLElement | undefined} */
  phases;

  constructor() {
    const hasPhases = meters.has('voltage_l1') || meters.has('active_power_l1');
    for (const { name, label, unit, decimals } of ALL()) {
      if (hasPhases ? !meters.has(name) : !meters.has(name) && name === 'frequency') continue;
      const { element, value } = tile(label, unit);
      element.dataset.quantity = name;
      this.tiles.push(element);
      this.#cells.push({ name, decimals, value });
    }
    if (hasPhases) this.phases = this.#phaseTable();
  }

  #phaseTable() {
    const power = { name: 'active_power', label: t('quantity.power'), unit: 'W', decimals: 0 };
    const rows = [power, ...ALL()].filter(({ name }) => meters.has(`${name}_l1`));
    return h(
      'table',
      { class: 'phases' },
      h('caption', { class: 'quiet' }, t('now.phases')),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('td', {}),
          PHASES.map((phase) => h('th', { scope: 'col' }, phase.toUpperCase())),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map(({ name, label, unit, decimals }) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, label, unit === '' ? null : h('span', { class: 'unit' }, ` ${unit}`)),
            PHASES.map((phase) => {
              const value = h('td', { class: 'figure', 'data-quantity': `${name}_${phase}` }, LACKING);
              this.#cells.push({ name: `${name}_${phase}`, decimals, value });
              return value;
            }),
          ),
        ),
      ),
    );
  }

  /** @param {Record<string, number>} values */
  show(values) {
    // Not each reading has each quantity: what it lacks stays as it was read last.
    for (const { name, decimals, value } of this.#cells) {
      const read = values[name];
      if (read !== undefined) write(value, number(read, decimals));
    }
  }
}
