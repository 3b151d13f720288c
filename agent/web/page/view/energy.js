// @ts-check

/** @typedef {import('../types').Amount} Amount */

/** Less is half of a counter's step. */
const SHOWN = 0.005;

/** What came in: all that the meter counts, or of one that counts both ways its import. @param {Record<string, Amount>} energies */
export const drawnOf = (energies) => energies.active_energy ?? energies.active_energy_import;

/** @param {Record<string, Amount>} energies */
export const givenOf = (energies) => energies.active_energy_export;

/** @param {Amount | undefined} amount */
export const isEstimated = (amount) => (amount?.estimated ?? 0) >= SHOWN;

/**
 * What each tariff has counted, without those that count nothing.
 * @param {Record<string, Amount>} energies
 */
export function tariffsOf(energies) {
  const prefix = 'active_energy' in energies ? 'active_energy' : 'active_energy_import';
  return ['t1', 't2', 't3', 't4'].flatMap((tariff) => {
    const amount = energies[`${prefix}_${tariff}`];
    return amount ? [{ tariff: tariff.toUpperCase(), amount }] : [];
  });
}

/** The value of a bar: null where nothing was read and nothing is known. @param {import('../types').Period} period */
export function amountOf({ energies, isRead }) {
  const drawn = drawnOf(energies);
  return drawn && (isRead || drawn.amount > 0) ? drawn.amount : null;
}

/**
 * Those that are over and were read throughout. A meter's first one began somewhere in it: before it there is none.
 * @param {readonly import('../types').Period[]} periods one after the other
 * @param {number} nowMs
 */
export function wholeOf(periods, nowMs) {
  return new Set(
    periods.filter((period, i) => {
      const before = periods[i - 1];
      const isFirst = before !== undefined && amountOf(before) === null;
      return amountOf(period) !== null && !isFirst && Date.parse(period.to) <= nowMs;
    }),
  );
}
