// @ts-check
import { get } from '../core/api.js';
import { fill, h } from '../core/dom.js';
import { t, tn } from '../core/messages.js';
import { meters } from '../core/meters.js';
import { View } from '../core/view.js';
import { recentGaps } from './health-gaps.js';
import { mark } from './health-line.js';
import { latencyRow, meterCard } from './health-meter.js';
import { agentCard, backupCard, machineCard, serverCard } from './health-parts.js';

/** @typedef {import('../types').Health} Health */

const REFRESH_MS = 15_000;

/** How everything is: what needs a person first. */
class HealthView extends View {
  #problems = h('section', { class: 'card problems', 'aria-labelledby': 'problems-title' });
  #cards = h('div', { class: 'card-grid' });
  #gaps = h('section', { class: 'card', hidden: true });
  #shown = '';

  connectedCallback() {
    fill(this, h('h1', { class: 'quiet' }, t('view.health')), this.trouble, this.#problems, this.#cards, this.#gaps);
    this.every(REFRESH_MS, () => void this.ask(() => this.#load()));
  }

  async #load() {
    /** @type {Health} */
    const health = await get('health', {}, { signal: this.signal });
    this.#showProblems(health);
    const latencies = await Promise.all(health.meters.map(({ name }) => latencyRow(name, this.signal)));
    fill(
      this.#cards,
      health.meters.map((meter, i) => meterCard(meter, latencies[i] ?? null)),
      health.servers.map((server) => serverCard(server)),
      health.backups.map((backup) => backupCard(backup)),
      agentCard(health),
      machineCard(health),
    );
    if (meters.chosen) await recentGaps(this.#gaps, meters.chosen.name, this.signal);
  }

  /** Read out only when it changes. @param {Health} health */
  #showProblems({ status, problems }) {
    const text = JSON.stringify(problems);
    if (text === this.#shown) return;
    this.#shown = text;
    const title = problems.length === 0 ? t('health.good') : tn('problems', problems.length);
    fill(
      this.#problems,
      h('h2', { id: 'problems-title', role: 'status' }, mark(status), title),
      problems.length === 0
        ? h('p', { class: 'soft' }, t('health.good-why'))
        : h(
            'ol',
            {},
            problems.map(({ severity, message, remedy }) =>
              h(
                'li',
                {},
                mark(severity),
                h('div', {}, h('p', { class: 'problem' }, upper(message)), h('p', { class: 'remedy' }, upper(remedy))),
              ),
            ),
          ),
    );
  }
}

/** @param {string} text */
const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

customElements.define('health-view', HealthView);
