import type { Reading } from '../../agent/readings/reading.ts';
import { readingAt as anyReadingAt, HOUSE } from '../support/readings.ts';

/** A reading whose values follow from its time, and that a WE-515 can show. */
export function readingAt(timeMs: number, series = HOUSE): Reading {
  const { values, ...rest } = anyReadingAt(timeMs, series);
  return { ...rest, values: { ...values, active_power: Math.trunc((values.active_power ?? 0) / 2) } };
}
