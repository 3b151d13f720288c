// @ts-check
import { extremesOf, holesOf } from '../chart/curve.js';
import { serverNow } from '../core/api.js';
import { clock, dayAndTime, duration, hourMinute, power } from '../core/format.js';
import { named, t } from '../core/messages.js';

/** @typedef {import('../types').Outcome} Outcome */

/** @param {number} timeMs */
export const lastTime = (timeMs) => (serverNow() - timeMs > 12 * 3_600_000 ? dayAndTime(timeMs) : clock(timeMs));

/** @param {Outcome | undefined} outcome */
export function gapText(outcome) {
  if (!outcome || outcome.values) return '';
  return t('now.gap', { cause: named('cause', outcome.cause ?? 'internal') });
}

/** @param {import('../chart/curve.js').Curve} curve */
export function wordsOf(curve) {
  const extremes = extremesOf(curve);
  if (!extremes) return t('now.trace-empty');
  const { least, greatest, greatestMs, mean } = extremes;
  const said = t('now.trace-words', {
    least: power(least),
    greatest: power(greatest),
    time: hourMinute(greatestMs),
    mean: power(mean),
  });
  const missing = holesOf(curve).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  return missing > 0 ? `${said} ${t('chart.missing', { time: duration(missing / 1000) })}` : said;
}
