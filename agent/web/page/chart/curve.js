// @ts-check

/**
 * A curve as it is drawn: a value for each time, null where there is none.
 * @typedef {object} Curve
 * @property {number[]} timesMs
 * @property {(number | null)[]} mean
 * @property {(number | null)[]} [min]
 * @property {(number | null)[]} [max]
 * @property {number} fromMs of the axis
 * @property {number} toMs of the axis
 * @property {number} stepMs what one value stands for
 */

/** @param {number} fromMs @param {number} toMs @returns {Curve} */
export const emptyCurve = (fromMs, toMs) => ({ timesMs: [], mean: [], fromMs, toMs, stepMs: 1000 });

/**
 * Stretches without a value between values, and at the end where that is known to be missing.
 * @param {Curve} curve
 * @returns {{fromMs: number, toMs: number}[]}
 */
export function holesOf({ timesMs, mean, stepMs }) {
  /** @type {{fromMs: number, toMs: number}[]} */
  const holes = [];
  /** @type {number | undefined} */
  let last;
  let isHole = false;
  for (const [i, timeMs] of timesMs.entries()) {
    if (mean[i] === null || mean[i] === undefined) {
      isHole = true;
      continue;
    }
    if (isHole && last !== undefined) holes.push({ fromMs: last + stepMs, toMs: timeMs });
    last = timeMs;
    isHole = false;
  }
  const endMs = timesMs.at(-1);
  if (isHole && last !== undefined && endMs !== undefined) holes.push({ fromMs: last + stepMs, toMs: endMs + stepMs });
  return holes;
}

/** @param {Curve} curve */
export function extremesOf({ timesMs, mean, min = mean, max = mean }) {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  let greatestMs = 0;
  let sum = 0;
  let count = 0;
  for (const [i, value] of mean.entries()) {
    if (value === null) continue;
    sum += value;
    count++;
    least = Math.min(least, min[i] ?? value);
    const high = max[i] ?? value;
    if (high > greatest) [greatest, greatestMs] = [high, timesMs[i] ?? 0];
  }
  return count === 0 ? undefined : { least, greatest, greatestMs, mean: sum / count, count };
}

/** The index of the value nearest to a time. @param {Curve} curve @param {number} timeMs */
export function nearest({ timesMs }, timeMs) {
  let low = 0;
  let high = timesMs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((timesMs[middle] ?? 0) < timeMs) low = middle + 1;
    else high = middle;
  }
  const before = timesMs[low - 1];
  const at = timesMs[low];
  return before !== undefined && at !== undefined && timeMs - before < at - timeMs ? low - 1 : low;
}
