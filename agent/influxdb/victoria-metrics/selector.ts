/** Series beside the ones of the agent, which nothing that shows or backs up those takes for them. */
export interface Copy {
  /** Begins the names of its metrics: a query for `energy_voltage` finds no `restored_energy_voltage`. */
  prefix: string;
  /** Their label `db`: which copy. */
  label: string;
}

/**
 * A MetricsQL selector of all series that were written as these measurements: VictoriaMetrics names them
 * `measurement_field` (its flag -influxMeasurementFieldSeparator left alone). Its regular expressions are anchored.
 * @param measurements their names; at least one
 * @param copy those of a copy instead
 */
export function selectorOf(measurements: readonly string[], copy?: Copy): string {
  const names = measurements.map((name) => `${escapeRegExp((copy?.prefix ?? '') + name)}_.+`).join('|');
  // Go's string literals, in which MetricsQL is written, know all escapes of JSON.
  return `{__name__=~${JSON.stringify(names)}${copy ? `,db=${JSON.stringify(copy.label)}` : ''}}`;
}

let asked = 0;

/**
 * The same selector as nobody has asked it before. For up to 10 s VictoriaMetrics answers from a cache which series one
 * means (mergeset, startFlushCallbackWorker): series that were made since are left out, also after a forced flush.
 */
export function uncached(selector: string): string {
  return selector.replace(/\}$/, `,not_cached!="${process.pid}-${Date.now()}-${asked++}"}`);
}

/** All series of a copy, whatever was measured. */
export function copySelector({ prefix, label }: Copy): string {
  return `{__name__=~${JSON.stringify(`${escapeRegExp(prefix)}.+`)},db=${JSON.stringify(label)}}`;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
