// @ts-check
import { door, messageOf, session } from './core/api.js';
import { fill, h } from './core/dom.js';
import { live } from './core/live.js';
import { t } from './core/messages.js';
import { meters } from './core/meters.js';
import { place } from './core/router.js';
import { showMeters, showSession, showView, startShell } from './shell.js';
import './view/empty.js';
import './view/now.js';

/** @typedef {import('./core/view.js').View} View */

const RETRY_MS = 3000;

/** Loaded when somebody goes there. */
const LOAD = {
  now: async () => {},
  day: () => import('./view/day.js'),
  history: () => import('./view/history.js'),
  health: () => import('./view/health.js'),
};

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
/** @type {View | undefined} */
let view;
let shown = '';
let isLearning = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;

/** Loads the view that the address names and shows it; only its contents change where it is shown already. */
async function route() {
  const { view: name, query } = place();
  showView(name);
  if (!meters.isKnown) return;
  const key = `${name} ${meters.chosen?.name}`;
  if (shown !== key || !view) {
    shown = key;
    try {
      await LOAD[name]();
    } catch {
      shown = '';
      return notice(t('error.unreachable'));
    }
    // Somebody may have gone elsewhere meanwhile.
    if (shown !== key) return;
    const focused = view?.contains(document.activeElement);
    view = /** @type {View} */ (
      document.createElement(meters.chosen || name === 'health' ? `${name}-view` : 'empty-view')
    );
    fill(main, view);
    if (focused) main.focus();
    window.scrollTo(0, 0);
  }
  view.show(query);
}

/** @param {string} text */
function notice(text) {
  view = undefined;
  fill(main, h('p', { class: 'notice', role: 'status' }, text));
}

/** Asks for the meters until there are some. */
async function start() {
  clearTimeout(retry);
  try {
    const { admitted, restricted } = await session();
    showSession(admitted && restricted);
    if (!admitted) return await login();
    await meters.load();
  } catch (error) {
    if (!meters.isKnown && !main.querySelector('login-form')) notice(messageOf(error));
    retry = setTimeout(start, RETRY_MS);
    return;
  }
  showMeters();
  if (meters.chosen) live.follow(meters.chosen.name, meters.chosen.intervalMs);
  else retry = setTimeout(start, RETRY_MS);
  await route();
}

/** What a meter measures is known from its first reading on. */
async function learn() {
  if (isLearning || !live.reading || meters.chosen?.quantities.length !== 0) return;
  isLearning = true;
  await meters.load().catch(() => {});
  isLearning = false;
  if (meters.chosen.quantities.length === 0) return;
  shown = '';
  await route();
}

async function login() {
  if (main.querySelector('login-form')) return;
  live.stop();
  clearTimeout(retry);
  view = undefined;
  shown = '';
  await import('./view/login.js');
  const form = document.createElement('login-form');
  form.addEventListener('admitted', () => location.reload());
  fill(main, form);
}

startShell();
door.addEventListener('closed', () => void login());
window.addEventListener('hashchange', () => void route());
meters.addEventListener('change', () => {
  if (meters.chosen) live.follow(meters.chosen.name, meters.chosen.intervalMs);
  void route();
});
let greeted = false;
live.addEventListener('hello', () => {
  if (shown === '') void route();
  // Another collector may have other meters, another zone.
  if (greeted) void meters.load().then(showMeters, () => {});
  greeted = true;
});
live.addEventListener('outcome', () => void learn());
void start();
