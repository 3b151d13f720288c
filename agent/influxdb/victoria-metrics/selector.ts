/**
 * A MetricsQL selector of all series that were written as these measurements: VictoriaMetrics names them
 * `measurement_field` (its flag -influxMeasurementFieldSeparator left alone). Its regular expressions are anchored.
 * @param measurements their names; at least one
 */
export function selectorOf(measurements: readonly string[]): string {
  const names = measurements.map((name) => `${escapeRegExp(name)}_.+`).join('|');
  // Go's string literals, in which MetricsQL is written, know all escapes of JSON.
  return `{__name__=~${JSON.stringify(names)}}`;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
