// @ts-check
import { get, serverNow } from '../core/api.js';
import { fill, h } from '../core/dom.js';
import { clock, dateOf, dayAndTime, duration } from '../core/format.js';
import { named, t, tn } from '../core/messages.js';

const SPAN_MS = 86_400_000;
const MOST = 12;

/** The newest stretches of a day that were not read, and why. @param {HTMLElement} element @param {string} meter @param {AbortSignal} signal */
export async function recentGaps(element, meter, signal) {
  const toMs = Math.floor(serverNow());
  /** @type {import('../types').Gaps} */
  const { gaps } = await get('gaps', { meter, from: toMs - SPAN_MS, to: toMs }, { signal });
  element.hidden = gaps.length === 0;
  const more = gaps.length - MOST;
  fill(
    element,
    h('div', { class: 'card-head' }, h('h2', {}, t('health.gaps-recent')), h('span', { class: 'soft' }, meter)),
    h(
      'table',
      { class: 'list' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ['health.gap-from', 'health.gap-time', 'health.gap-cause'].map((key) =>
            h('th', { scope: 'col' }, t(/** @type {'health.gap-from'} */ (key))),
          ),
        ),
      ),
      h(
        'tbody',
        {},
        gaps
          .slice(0, MOST)
          .map(({ from, seconds, cause }) =>
            h(
              'tr',
              {},
              h('td', {}, whenOf(Date.parse(from))),
              h('td', {}, duration(seconds)),
              h('td', {}, named('cause', cause)),
            ),
          ),
      ),
    ),
    more > 0 ? h('p', { class: 'words' }, tn('gaps-more', more)) : null,
  );
}

/** @param {number} timeMs */
const whenOf = (timeMs) => (dateOf(timeMs) === dateOf(serverNow()) ? clock(timeMs) : dayAndTime(timeMs));
