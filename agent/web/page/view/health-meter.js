// @ts-check
import { get, serverNow } from '../core/api.js';
import { h } from '../core/dom.js';
import { duration, number } from '../core/format.js';
import { named, t } from '../core/messages.js';
import { meters } from '../core/meters.js';
import { countBars, factCard } from './health-card.js';
import { mark } from './health-line.js';

/** @typedef {import('../types').HealthMeter} HealthMeter */

const HOUR_MS = 3_600_000;
/** Less is no number that a person needs. */
const LEAST_SHARE = 1e-4;
/** Of a line's numbers those that are faults. */
const ERRORS = ['timeouts', 'crcErrors', 'exceptions', 'truncated', 'noise', 'disconnects'];

/** @param {HealthMeter} meter @returns {number | undefined} points of today that were not read */
const missedToday = ({ today }) => (today ? Object.values(today.missed).reduce((sum, n) => sum + n, 0) : undefined);

/** Share of today's points that were read; 100 only where none was missed. @param {HealthMeter} meter */
export function shareText(meter) {
  const missed = missedToday(meter);
  if (missed === undefined || !meter.today || meter.today.points === 0) return undefined;
  const percent = (100 * (meter.today.points - missed)) / meter.today.points;
  return missed === 0 ? '100 %' : `${number(Math.floor(Math.max(0, percent) * 100) / 100, 2)} %`;
}

/** How long a sample takes, of the last hour. @param {string} meter @param {AbortSignal} signal */
export async function latencyRow(meter, signal) {
  const own = meters.all.find(({ name }) => name === meter);
  if (!own?.quantities.some(({ name }) => name === 'duration')) return null;
  const toMs = serverNow();
  const query = { meter, quantity: 'duration', from: Math.floor(toMs - HOUR_MS), to: Math.floor(toMs), points: 60 };
  /** @type {import('../types').Series} */
  const { quantities } = await get('series', query, { signal });
  const { mean = [], max = [] } = quantities.duration ?? {};
  const known = mean.filter((value) => value !== null);
  if (known.length === 0) return null;
  const ms = (/** @type {number} */ seconds) => `${number(seconds * 1000)}\u00a0ms`;
  const average = known.reduce((sum, value) => sum + value, 0) / known.length;
  return t('health.latency-value', { mean: ms(average), greatest: ms(Math.max(...max.map((value) => value ?? 0))) });
}

/** @param {HealthMeter} meter @param {string | null} latency */
export function meterCard(meter, latency) {
  const { name, model, line, connected, lineStats, lastReading, today, problem } = meter;
  const requests = lineStats?.requests ?? 0;
  const errors = ERRORS.map((kind) => ({ kind, count: lineStats?.[kind] ?? 0 })).filter(({ count }) => count > 0);
  const share = (/** @type {number} */ count) =>
    count / requests >= LEAST_SHARE ? ` · ${number((100 * count) / requests, 2)}\u00a0%` : '';
  const gaps = Object.entries(today?.missed ?? {}).filter(([, count]) => count > 0);
  const state =
    connected === null
      ? null
      : h(
          'span',
          { class: 'with-mark' },
          mark(connected ? 'ok' : 'critical'),
          t(connected ? 'health.connected' : 'health.disconnected'),
        );
  return factCard(
    name,
    model ?? '',
    [
      [t('health.state'), state],
      [
        t('health.problem'),
        problem ? [problem.message, problem.hint].filter((text) => text !== null).join('; ') : null,
      ],
      [t('health.line'), line],
      [
        t('health.last-reading'),
        lastReading ? t('ago', { time: duration((serverNow() - Date.parse(lastReading)) / 1000) }) : t('health.never'),
      ],
      [t('health.read-today'), shareText(meter)],
      [t('health.latency'), latency],
      [t('health.requests'), requests > 0 ? number(requests) : null],
      [t('health.errors'), lineStats && errors.length === 0 ? t('health.none') : null],
      [t('health.suspicious'), meter.suspicious ? number(meter.suspicious) : null],
    ],
    errors.length > 0
      ? countBars(
          t('health.errors'),
          errors.map(({ kind, count }) => ({
            name: named('line', kind),
            count,
            text: `${number(count)}${share(count)}`,
          })),
        )
      : null,
    gaps.length > 0
      ? countBars(
          t('health.gaps-today'),
          gaps.map(([cause, count]) => ({ name: named('cause', cause), count, text: number(count) })),
        )
      : null,
  );
}
