// @ts-check
import { h } from '../core/dom.js';

/** @typedef {[name: string, value: string | Node | null | undefined]} Fact */

/**
 * A part of the health: a title, then names and values. Facts without a value are left out.
 * @param {string} title
 * @param {string} note
 * @param {readonly Fact[]} facts
 * @param {...(Node | null | undefined)} more
 */
export function factCard(title, note, facts, ...more) {
  return h(
    'section',
    { class: 'card facts', 'aria-label': title },
    h('div', { class: 'card-head' }, h('h2', {}, title), h('span', { class: 'soft' }, note)),
    h(
      'dl',
      {},
      facts
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
    ),
    ...more.filter((one) => one !== null && one !== undefined),
  );
}

/**
 * Counts by name as bars that lie, the greatest first, each with its number.
 * @param {string} title
 * @param {readonly {name: string, count: number, text: string}[]} counts
 */
export function countBars(title, counts) {
  const greatest = Math.max(...counts.map(({ count }) => count), 1);
  return h(
    'div',
    { class: 'counts' },
    h('h3', {}, title),
    h(
      'ul',
      {},
      [...counts]
        .sort((a, b) => b.count - a.count)
        .map(({ name, count, text }) => {
          const bar = h('span', { class: 'count-bar', 'aria-hidden': 'true' });
          bar.style.width = `${Math.max(1, (count / greatest) * 100)}%`;
          return h('li', {}, h('span', {}, name), h('span', { class: 'figure' }, text), bar);
        }),
    ),
  );
}
