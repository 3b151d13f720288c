import { JournalReader } from '../journal/reader.ts';
import { type CollectorStatus, isAlive, type MeterStatus, readStatus } from './status.ts';

export interface StatusReport {
  stateDir: string;
  running: boolean;
  collector: CollectorStatus | undefined;
  journal: { readings: number; gaps: number; fromMs: number | null; toMs: number | null };
}

export function gatherStatus(stateDir: string): StatusReport {
  const reader = new JournalReader(stateDir);
  try {
    const directory = reader.runtimeDirectory();
    const collector = directory === undefined ? undefined : readStatus(directory);
    const running = collector !== undefined && isAlive(collector.pid) && collector.stoppedMs === undefined;
    return { stateDir, running, collector, journal: reader.counts() };
  } finally {
    reader.close();
  }
}

export function statusText(report: StatusReport, nowMs: number): string {
  const { collector, running, journal, stateDir } = report;
  const lines = [
    collector && running
      ? `collector   running as process ${collector.pid}, for ${age(nowMs - collector.startedMs)}`
      : 'collector   not running; start it with: energy-monitor collect --config FILE',
  ];
  const { reload } = (running && collector) || {};
  if (reload?.problem !== undefined) {
    lines.push(`config      was read again ${age(nowMs - reload.timeMs)} ago and stays as it was: ${reload.problem}`);
  }
  for (const meter of (running && collector?.meters) || []) lines.push(...meterLines(meter, nowMs));
  const since = journal.fromMs === null ? '' : ` since ${new Date(journal.fromMs).toISOString()}`;
  lines.push(`journal     ${journal.readings} readings on disk, ${journal.gaps} gaps${since}, in ${stateDir}`);
  return `${lines.join('\n')}\n`;
}

function meterLines(meter: MeterStatus, nowMs: number): string[] {
  // Before the start nobody was reading: the journal has that gap, the meter is not to blame.
  const gaps = Object.entries(meter.gaps).filter(([cause]) => cause !== 'stopped');
  const missed = gaps.reduce((sum, [, count]) => sum + count, 0);
  const causes = gaps.length > 0 ? ` (${gaps.map(([cause, count]) => `${count} ${cause}`).join(', ')})` : '';
  const { lastReading, lineStats, problem } = meter;
  const lines = [
    `meter       ${meter.name}, ${meter.model} on ${meter.line}`,
    lastReading
      ? `  reading   ${lastReading.values.active_power ?? '-'} W, ${lastReading.values.voltage ?? '-'} V, ${lastReading.values.active_energy ?? '-'} kWh, ${age(nowMs - lastReading.timeMs)} old`
      : '  reading   none yet',
    `  since start ${meter.good} good, ${missed} missed${causes}`,
    `  line      ${lineStats.answers} of ${lineStats.requests} requests answered; ${lineStats.timeouts} time-outs, ${lineStats.crcErrors} damaged, ${lineStats.exceptions} refused, ${lineStats.strayBytes} stray bytes, ${lineStats.disconnects} disconnects`,
  ];
  if (problem) lines.push(`  problem   ${problem.message}`, ...(problem.hint ? [`            ${problem.hint}`] : []));
  else if (meter.lastGap && (!lastReading || meter.lastGap.timeMs > lastReading.timeMs)) {
    lines.push(`  problem   ${meter.lastGap.message}`);
  }
  return lines;
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
