import type { DatabaseRestoreReport } from './database.ts';
import type { BucketRestore } from './influxdb2-database.ts';
import type { ExportedBackup } from './influxdb2-export.ts';
import type { InPlace } from './influxdb2-place.ts';

/** What was restored, how it compares, and what is left to do. */
export function databaseText(report: DatabaseRestoreReport): string {
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
  return lines.map((line) => `${line}\n`).join('');
}

function bucketLines({ from, restored, comparison, earlier, swapped }: BucketRestore): string[] {
  const { bucket, shards, bytes, values, damaged, notes } = restored;
  if (earlier === 'in place')
    return [`${from} is in place since an earlier run, which was broken off: ${values} values`];
  const since = earlier ? ' since an earlier run, which was broken off' : '';
  const lines = [`${from} as ${bucket}${since}: ${shards} shards, ${megabytes(bytes)}, ${values} values`];
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
    const { replaced, removed } = swapped;
    const before = removed
      ? '; the one that was there had no points, and is gone'
      : `; what was there is ${replaced?.name}`;
    lines.push(`  it is ${from} now${replaced === undefined ? '' : before}`);
  }
  return lines;
}

function placeLines({ sentAgainFromMs, tokens, bound, credential }: InPlace): string[] {
  const lines: string[] = [];
  if (sentAgainFromMs !== undefined)
    lines.push(`what the journal has from ${new Date(sentAgainFromMs).toISOString()} on is sent again`);
  if (tokens) {
    lines.push(
      `the agent's token is in ${tokens.writer}, Grafana's, which only reads, in ${tokens.reader}: give it that`,
    );
  }
  if (credential !== undefined && tokens)
    lines.push(
      `the collector gets its token as ${credential}: LoadCredential= has to name ${tokens.writer}; restart it`,
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
