import type { Reading } from '../../agent/readings/reading.ts';

export const HOUSE = { measurement: 'energy', meter: 'house', model: 'we-515' };

export const DECIMALS = { voltage: 2, active_power: 0, active_energy: 2 };

/** A reading whose values follow from its time, so that a wrong one is seen. */
export function readingAt(timeMs: number, series = HOUSE): Reading {
  const n = Math.floor(timeMs / 10) % 100_000;
  return {
    series,
    timeMs,
    values: { voltage: 200 + (n % 5000) / 100, active_power: n - 50_000, active_energy: n / 100 },
  };
}
