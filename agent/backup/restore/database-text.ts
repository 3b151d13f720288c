import type { Comparison } from '../../influxdb/restore/compare.ts';
import type { DatabaseRestoreReport } from './database.ts';
import type { Influxdb1Report } from './influxdb1-database.ts';
import type { BucketRestore, Influxdb2Report } from './influxdb2-database.ts';
import type { ExportedBackup } from './influxdb2-export.ts';
import type { InPlace } from './influxdb2-place.ts';
import type { VictoriaMetricsReport } from './victoria-metrics-database.ts';

/** What was restored, how it compares, and what is left to do. */
export function databaseText(report: DatabaseRestoreReport): string {
  const lines =
    report.kind === 'influxdb2'
      ? influxdb2Lines(report)
      : report.kind === 'influxdb1'
        ? influxdb1Lines(report)
        : victoriaMetricsLines(report);
  return lines.map((line) => `${line}\n`).join('');
}

function victoriaMetricsLines({ label, restored, sentAgainFromMs }: VictoriaMetricsReport): string[] {
  const { url, copy, samples, imported, series, days, compared, damaged, expired, notes } = restored;
  const place = copy ? `as ${copy.prefix}...{db="${copy.label}"}` : 'in place';
  return [
    `${label}, into ${url}`,
    `${samples} samples of ${series} series on ${days} days ${place}; ${imported} of them were not there`,
    `  ${compared} days of series compared: counts and sums are those of the backup`,
    ...damaged.map((one) => `  left out: ${one}`),
    ...(expired.length > 0 ? [`  left out, older than what the server keeps: ${expired.length} days`] : []),
    ...notes.map((one) => `  ${one}`),
    ...againLines(sentAgainFromMs),
  ];
}

function influxdb1Lines({ label, databases, sentAgainFromMs }: Influxdb1Report): string[] {
  const lines = [`${label}, into ${databases[0]?.url}`];
  for (const { database, newDatabase, shards, bytes, values, comparison, damaged, notes } of databases) {
    lines.push(`${database} as ${newDatabase}: ${shards} shards, ${megabytes(bytes)}, ${values} values`);
    for (const line of [...damaged.map((one) => `left out: ${one}`), ...notes]) lines.push(`  ${line}`);
    if (comparison) lines.push(...comparisonLines(database, comparison));
  }
  return [...lines, ...againLines(sentAgainFromMs)];
}

const againLines = (fromMs: number | undefined): string[] =>
  fromMs === undefined ? [] : [`what the journal has from ${new Date(fromMs).toISOString()} on is sent again`];

function influxdb2Lines(report: Influxdb2Report): string[] {
  const { label, url, firstSetup, buckets, note, inPlace, loses, whole } = report;
  const lines = [`${label}, into ${url}`];
  if (firstSetup !== undefined)
    lines.push(`the server was empty: it is set up, its operator token is in ${firstSetup}`);
  for (const bucket of buckets) lines.push(...bucketLines(bucket));
  if (note !== undefined && inPlace?.problem) lines.push(`  to bring that once more remove ${note}`);
  if (loses && !whole) {
    lines.push(`everything in that server would go: buckets ${loses.buckets.join(', ') || 'none'};`);
    lines.push(`users ${loses.users.join(', ') || 'none'}; ${loses.tokens} tokens. If that is right, say --yes`);
  }
  if (whole) {
    lines.push(`the whole server: ${whole.shards} shards, ${megabytes(whole.bytes)}, ${whole.values} values`);
    lines.push('restart influxd now: tasks run only then');
    for (const line of [...whole.damaged.map((one) => `left out: ${one}`), ...whole.notes]) lines.push(line);
  }
  if (inPlace) lines.push(...placeLines(inPlace));
  return lines;
}

function bucketLines({ from, restored, comparison, earlier, swapped }: BucketRestore): string[] {
  const { bucket, shards, bytes, values, damaged, notes } = restored;
  if (earlier === 'in place')
    return [`${from} is in place since an earlier run, which was broken off: ${values} values`];
  const since = earlier ? ' since an earlier run, which was broken off' : '';
  const lines = [`${from} as ${bucket}${since}: ${shards} shards, ${megabytes(bytes)}, ${values} values`];
  for (const line of [...damaged.map((one) => `left out: ${one}`), ...notes]) lines.push(`  ${line}`);
  if (comparison) lines.push(...comparisonLines(from, comparison));
  if (swapped) {
    const { replaced, removed } = swapped;
    const before = removed
      ? '; the one that was there had no points, and is gone'
      : `; what was there is ${replaced?.name}`;
    lines.push(`  it is ${from} now${replaced === undefined ? '' : before}`);
  }
  return lines;
}

function comparisonLines(
  live: string,
  { compared, differing, leftCount, rightCount, differences }: Comparison,
): string[] {
  const verdict = differing === 0 ? 'all the same' : `${differing} differ`;
  return [
    `  beside the live ${live}: ${compared} days of fields, ${verdict} (${leftCount} values there, ${rightCount} here)`,
    ...differences
      .slice(0, 5)
      .map(
        ({ measurement, field, day, left, right }) =>
          `    ${day} ${measurement} ${field}: ${left?.count ?? 0} there, ${right?.count ?? 0} here`,
      ),
  ];
}

function placeLines({ sentAgainFromMs, tokens, bound, credential }: InPlace): string[] {
  const lines = againLines(sentAgainFromMs);
  if (tokens) {
    lines.push(
      `the agent's token is in ${tokens.writer}, Grafana's, which only reads, in ${tokens.reader}: give it that`,
    );
  }
  if (credential !== undefined && tokens)
    lines.push(
      `the collector gets it as its credential ${credential} when it starts: sudo systemctl restart energy-monitor-collector`,
    );
  if (bound.length > 0) lines.push('these still mean a bucket that was replaced:');
  for (const { kind, name } of bound) lines.push(`  ${kind} ${name}`);
  return lines;
}

export function exportText({ baseName, shards, bytes, damaged }: ExportedBackup, directory: string): string {
  const lines = [
    `${directory}: ${baseName}.*, ${shards} shards, ${megabytes(bytes)}; it holds credentials of the server`,
  ];
  for (const problem of damaged) lines.push(`left out: ${problem}`);
  return lines.map((line) => `${line}\n`).join('');
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
