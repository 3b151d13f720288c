import type { RestoreReport } from './restore.ts';

/** What was restored, and what is left to do. */
export function restoreText(report: RestoreReport): string {
  const { label, listed, createdMs, host, stateDir, journal, config, missing, rehearsal } = report;
  const lines = [`backup ${listed.sequence} of ${host} in ${label}, made ${new Date(createdMs).toISOString()}`];
  if (journal) {
    const readings = Object.entries(journal.counts).map(([measurement, n]) => `${n} of ${measurement}`);
    lines.push(`journal in ${stateDir}: readings ${readings.join(', ') || 'none'}; ${journal.added} are new here`);
    if (journal.rollups > 0) lines.push(`history in ${stateDir}: ${journal.rollups} roll-ups are new here`);
    for (const problem of journal.damaged) lines.push(`left out: ${problem}`);
  }
  if (rehearsal) {
    const { counts, bytes, objects, problems } = rehearsal;
    const readings = Object.entries(counts).map(([measurement, n]) => `${n} of ${measurement}`);
    lines.push(
      `would restore readings ${readings.join(', ') || 'none'} into ${stateDir} (${Math.ceil(bytes / 1e6)} MB)`,
    );
    lines.push(`${objects} objects are there${problems.length === 0 ? ', all that it needs' : ''}`);
    for (const problem of problems) lines.push(`problem: ${problem}`);
  }
  if (config) {
    lines.push(`configuration in ${config.path}`);
    if (config.tables.length > 0) lines.push(`  with its register tables: ${config.tables.join(', ')}`);
    if (config.secrets.length > 0) lines.push(`  write again what is *** in it: ${config.secrets.join(', ')}`);
  }
  for (const { source, reason } of missing) lines.push(`this backup was made without ${source}: ${reason}`);
  return lines.map((line) => `${line}\n`).join('');
}
