// @ts-check
import { get, isAborted, messageOf } from '../core/api.js';
import { fill, h } from '../core/dom.js';
import { duration } from '../core/format.js';
import { t, tn } from '../core/messages.js';
import { meters } from '../core/meters.js';
import { shareText } from './health-meter.js';

/** How meter and agent are, in one line. @param {HTMLElement} element @param {AbortSignal} signal */
export async function healthLine(element, signal) {
  let health;
  try {
    health = /** @type {import('../types').Health} */ (await get('health', {}, { signal }));
  } catch (error) {
    if (!isAborted(error)) fill(element, mark('unknown'), h('span', {}, messageOf(error)));
    return;
  }
  const [first] = health.problems;
  const meter = health.meters.find(({ name }) => name === meters.chosen?.name);
  const share = meter && shareText(meter);
  const facts = [
    share === undefined ? undefined : t('health.share', { share }),
    health.uptimeSeconds === null ? undefined : t('health.up', { time: duration(coarse(health.uptimeSeconds)) }),
  ];
  const said = first
    ? [h('strong', {}, tn('problems', health.problems.length)), ` ${first.message}`]
    : [h('strong', {}, t('health.good')), ` ${facts.filter((text) => text !== undefined).join(' · ')}`];
  fill(element, mark(first ? health.status : 'ok'), h('span', {}, said));
}

/** Seconds are news only in the first minute. @param {number} seconds */
const coarse = (seconds) => (seconds < 60 ? seconds : Math.floor(seconds / 60) * 60);

/** A sign of its own shape for each severity, so that it needs no colour. @param {string} severity */
export function mark(severity) {
  const known = severity === 'ok' || severity === 'warning' || severity === 'critical' ? severity : 'unknown';
  const signs = { ok: '✓', warning: '!', critical: '✕', unknown: '?' };
  return h(
    'span',
    { class: `mark ${known}`, role: 'img', 'aria-label': t(/** @type {'severity.ok'} */ (`severity.${known}`)) },
    signs[known],
  );
}
