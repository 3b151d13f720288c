import type { RestoreReport } from './restore.ts';

/** What was restored, and what is left to do. */
export function restoreText(report: RestoreReport): string {
  const { label, listed, createdMs, host, stateDir, journal, config, missing } = report;
  const lines = [`backup ${listed.sequence} of ${host} in ${label}, made ${new Date(createdMs).toISOString()}`];
  if (journal) {
    const readings = Object.entries(journal.counts).map(([measurement, n]) => `${n} of ${measurement}`);
    lines.push(`journal in ${stateDir}: readings ${readings.join(', ') || 'none'}; ${journal.added} are new here`);
    for (const problem of journal.damaged) lines.push(`left out: ${problem}`);
  }
  if (config) {
    lines.push(`configuration in ${config.path}`);
    if (config.secrets.length > 0) lines.push(`  write again what is *** in it: ${config.secrets.join(', ')}`);
  }
  for (const { source, reason } of missing) lines.push(`this backup was made without ${source}: ${reason}`);
  return lines.map((line) => `${line}\n`).join('');
}
