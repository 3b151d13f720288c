// @ts-check
import { fill, h } from '../core/dom.js';
import { t } from '../core/messages.js';
import { linkTo } from '../core/router.js';
import { View } from '../core/view.js';

/** The first minute of a new installation: nothing was read yet. */
class EmptyView extends View {
  connectedCallback() {
    fill(
      this,
      h(
        'section',
        { class: 'card empty' },
        h('h1', {}, t('empty.title')),
        h('p', { class: 'soft' }, t('empty.why')),
        h('p', {}, h('a', { href: linkTo('health') }, t('empty.health'))),
      ),
    );
  }
}

customElements.define('empty-view', EmptyView);
