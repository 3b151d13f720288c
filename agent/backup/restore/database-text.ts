import type { BucketRestore, DatabaseRestoreReport } from './database.ts';
import type { ExportedBackup } from './influxdb2-export.ts';

/** What was restored, how it compares, and what is left to do. */
export function databaseText(report: DatabaseRestoreReport): string {
  const { label, url, buckets, loses, whole } = report;
  const lines = [`${label}, into ${url}`];
  for (const bucket of buckets) lines.push(...bucketLines(bucket));
  if (loses && !whole) {
    lines.push(`everything in that server would go: buckets ${loses.buckets.join(', ') || 'none'};`);
    lines.push(`users ${loses.users.join(', ') || 'none'}; ${loses.tokens} tokens. If that is right, say --yes`);
  }
  if (whole) {
    lines.push(`the whole server: ${whole.shards} shards, ${megabytes(whole.bytes)}, ${whole.values} values`);
    lines.push('restart influxd now: tasks run only then');
    for (const line of [...whole.damaged.map((one) => `left out: ${one}`), ...whole.notes]) lines.push(line);
  }
  return lines.map((line) => `${line}\n`).join('');
}

function bucketLines({ from, restored, comparison, swapped }: BucketRestore): string[] {
  const { bucket, shards, bytes, values, damaged, notes } = restored;
  const lines = [`${from} as ${bucket}: ${shards} shards, ${megabytes(bytes)}, ${values} values`];
  for (const line of [...damaged.map((one) => `left out: ${one}`), ...notes]) lines.push(`  ${line}`);
  if (comparison) {
    const { compared, differing, leftCount, rightCount, differences } = comparison;
    const verdict = differing === 0 ? 'all the same' : `${differing} differ`;
    lines.push(
      `  beside the live ${from}: ${compared} days of fields, ${verdict} (${leftCount} values there, ${rightCount} here)`,
    );
    for (const { measurement, field, day, left, right } of differences.slice(0, 5)) {
      lines.push(`    ${day} ${measurement} ${field}: ${left?.count ?? 0} there, ${right?.count ?? 0} here`);
    }
  }
  if (swapped) {
    lines.push(`  it is ${from} now${swapped.replaced === undefined ? '' : `; what was there is ${swapped.replaced}`}`);
    lines.push(
      '  tokens mean the old one still: energy-monitor influxdb setup --replace makes those of the agent anew',
    );
    for (const { kind, name } of swapped.bound) lines.push(`    ${kind} ${name}`);
  }
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
