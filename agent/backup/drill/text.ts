import type { DrillReport } from './drill.ts';

/** What was tried, and what was found. */
export function drillText({ store, label, sequence, createdMs, seconds, parts, problems }: DrillReport): string {
  const lines = [`backup ${sequence} of ${store} (${label}), made ${new Date(createdMs).toISOString()}, on trial:`];
  const width = Math.max(...parts.map(({ name }) => name.length));
  for (const part of parts) {
    lines.push(`  ${part.name.padEnd(width)}  ${part.done}`);
    for (const problem of part.problems) lines.push(`  ${' '.repeat(width)}  problem: ${problem}`);
  }
  const verdict = problems === 0 ? 'all of it comes back' : `${problems} problems`;
  lines.push(`${verdict}, in ${Math.round(seconds)} s; what was restored is removed again`);
  return lines.map((line) => `${line}\n`).join('');
}
