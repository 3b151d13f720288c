// @ts-check
import { clock, hourMinute, localTimeMs } from '../core/format.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** All zones keep to quarters of an hour. */
const SLOT = 15 * MINUTE;
const STEPS = [1, 2, 5, 10, 15, 30]
  .flatMap((n) => [n * SECOND, n * MINUTE])
  .concat([1, 2, 3, 4, 6, 12].map((n) => n * HOUR))
  .sort((a, b) => a - b);

/**
 * Moments for an axis, on the hours that the clock shows there: a day may have 23 or 25.
 * @param {number} fromMs @param {number} toMs @param {number} most
 */
export function timeTicks(fromMs, toMs, most) {
  const stepMs = STEPS.find((step) => (toMs - fromMs) / step <= most) ?? 12 * HOUR;
  /** @type {number[]} */
  const ticks = [];
  const gridMs = Math.min(stepMs, SLOT);
  for (let at = Math.ceil(fromMs / gridMs) * gridMs; at <= toMs; at += gridMs) {
    if (stepMs <= SLOT || localTimeMs(at) % stepMs === 0) ticks.push(at);
  }
  return { ticks, label: stepMs < MINUTE ? clock : hourMinute };
}

/**
 * Round values from 0, or from below it, to at least the greatest.
 * @param {number} least @param {number} greatest @param {number} most
 * @returns {number[]} in order; the first and the last are the ends of the axis
 */
export function valueTicks(least, greatest, most) {
  const low = Math.min(0, least);
  const span = Math.max(greatest, 0) - low || 1;
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((n) => n * power >= rough) ?? 10) * power;
  const first = Math.floor(low / step);
  const last = Math.max(Math.ceil(greatest / step), first + 1);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Decimals that the step between ticks needs. @param {readonly number[]} ticks */
export function decimalsOf(ticks) {
  const step = (ticks[1] ?? 1) - (ticks[0] ?? 0);
  const found = [0, 1, 2, 3].find(
    (decimals) => Math.abs(Math.round(step * 10 ** decimals) / 10 ** decimals - step) < step / 100,
  );
  return found ?? 3;
}
