import { History } from '../history/history.ts';
import type { HeldGroup } from '../journal/held.ts';
import { JournalReader } from '../journal/reader.ts';
import type { Values } from '../readings/reading.ts';
import { drawnEnergy, phaseText } from '../readings/shown.ts';
import { messageOf } from '../system/errors.ts';
import { type CollectorStatus, isAlive, type MeterStatus, readStatus } from './status.ts';

export interface StatusReport {
  stateDir: string;
  running: boolean;
  collector: CollectorStatus | undefined;
  journal: { readings: number; gaps: number; fromMs: number | null; toMs: number | null };
  /** Readings whose time is not known, or is another one's. */
  held: HeldGroup[];
  /** `takenMs`: the newest reading that is in the roll-ups; what came after is computed when it is asked for. */
  history: { bytes: number; fromMs: number | null; takenMs: number | null; zone: string } | { problem: string };
}

export function gatherStatus(stateDir: string): StatusReport {
  const reader = new JournalReader(stateDir);
  try {
    const directory = reader.runtimeDirectory();
    const collector = directory === undefined ? undefined : readStatus(directory);
    const running = collector !== undefined && isAlive(collector.pid) && collector.stoppedMs === undefined;
    const held = reader.held();
    return { stateDir, running, collector, journal: reader.counts(), held, history: historyOf(stateDir) };
  } finally {
    reader.close();
  }
}

function historyOf(stateDir: string): StatusReport['history'] {
  try {
    const history = new History(stateDir);
    try {
      return history.status();
    } finally {
      history.close();
    }
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

export function statusText(report: StatusReport, nowMs: number): string {
  const { collector, running, journal, held, stateDir } = report;
  const doubt = running ? collector?.clock?.message : undefined;
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
  if (doubt) lines.push(`clock       ${doubt}: readings are held until the time is known`);
  const heldReadings = held.reduce((sum, { readings }) => sum + readings, 0);
  if (heldReadings > 0) {
    lines.push(`held        ${heldReadings} readings without a time of their own: energy-monitor journal held list`);
  }
  lines.push(`history     ${historyText(report.history, nowMs)}`);
  return `${lines.join('\n')}\n`;
}

function historyText(history: StatusReport['history'], nowMs: number): string {
  if ('problem' in history) return `cannot be read: ${history.problem}`;
  const { bytes, fromMs, takenMs, zone } = history;
  if (fromMs === null || takenMs === null) return 'none yet; the collector makes it of the journal';
  const since = new Date(fromMs).toISOString();
  return `roll-ups since ${since}, the newest ${age(nowMs - takenMs)} old; ${(bytes / 1e6).toFixed(1)} MB; days of ${zone}`;
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
      ? `  reading   ${valuesText(lastReading.values)}, ${age(nowMs - lastReading.timeMs)} old`
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

/** A counter that is read less often is not in each reading. */
function valuesText(values: Values): string {
  const energy = drawnEnergy(values);
  const parts = [`${values.active_power ?? '-'} W`, `${phaseText(values, 'voltage') ?? '-'} V`];
  return [...parts, ...(energy === undefined ? [] : [`${energy} kWh`])].join(', ');
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
