// @ts-check
import { fill, h } from '../core/dom.js';
import { t } from '../core/messages.js';

/**
 * What a chart shows, as a table that is made when somebody opens it.
 * @param {string} caption
 * @param {() => {heads: string[], rows: string[][]}} content
 */
export function dataTable(caption, content) {
  const table = h('table');
  const details = h(
    'details',
    { class: 'data' },
    h('summary', {}, t('chart.table')),
    h('div', { class: 'data-scroll', tabindex: 0, role: 'region', 'aria-label': caption }, table),
  );
  const update = () => {
    if (!details.open) return;
    const { heads, rows } = content();
    fill(
      table,
      h('caption', { class: 'quiet' }, caption),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          heads.map((head) => h('th', { scope: 'col' }, head)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map(([first = '', ...rest]) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, first),
            rest.map((cell) => h('td', {}, cell)),
          ),
        ),
      ),
    );
  };
  details.addEventListener('toggle', update);
  return { element: details, update };
}
