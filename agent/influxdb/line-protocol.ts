import type { Reading } from '../readings/reading.ts';

/** Commas, spaces and equals signs are escaped in tags and field keys, commas and spaces in measurements (InfluxDB v2, line protocol). */
const escapeTag = (text: string) => text.replace(/[,= ]/g, '\\$&');
const escapeMeasurement = (text: string) => text.replace(/[, ]/g, '\\$&');

/** One reading as a line, time in milliseconds; all fields are floats, so that a field's type never changes. */
export function toLine({ series, timeMs, values }: Reading): string {
  const fields = Object.entries(values).map(([name, value]) => `${escapeTag(name)}=${value}`);
  return `${escapeMeasurement(series.measurement)},meter=${escapeTag(series.meter)},model=${escapeTag(series.model)} ${fields.join(',')} ${timeMs}`;
}
