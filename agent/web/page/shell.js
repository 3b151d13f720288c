// @ts-check
import { signOut } from './core/api.js';
import { fill, h, write } from './core/dom.js';
import { live } from './core/live.js';
import { t } from './core/messages.js';
import { meters } from './core/meters.js';

/** @param {string} selector @returns {HTMLElement} */
const part = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));

/** What stands around each view: names, meters, and whether what is shown is of now. */
export function startShell() {
  for (const element of document.querySelectorAll('[data-t]')) {
    write(element, t(/** @type {'brand'} */ (element.getAttribute('data-t'))));
  }
  for (const element of document.querySelectorAll('[data-t-label]')) {
    element.setAttribute('aria-label', t(/** @type {'brand'} */ (element.getAttribute('data-t-label'))));
  }
  const choice = /** @type {HTMLSelectElement} */ (part('#meter'));
  choice.addEventListener('change', () => meters.choose(choice.value));
  live.addEventListener('state', showState);
  showState();
  part('#sign-out').addEventListener('click', () => void signOut().then(() => location.reload()));
}

/** @param {boolean} isSignedIn with a password */
export function showSession(isSignedIn) {
  part('footer').hidden = !isSignedIn;
}

export function showMeters() {
  const choice = /** @type {HTMLSelectElement} */ (part('#meter'));
  choice.hidden = meters.all.length < 2;
  fill(
    choice,
    meters.all.map(({ name }) => h('option', { value: name, selected: name === meters.chosen?.name }, name)),
  );
}

/** @param {string} view */
export function showView(view) {
  for (const link of document.querySelectorAll('nav [data-view]')) {
    if (link.getAttribute('data-view') === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${t(/** @type {'view.now'} */ (`view.${view}`))} · ${t('brand')}`;
}

function showState() {
  const state = part('#state');
  state.dataset.state = live.state;
  write(part('#state-text'), t(`state.${live.state}`));
}
