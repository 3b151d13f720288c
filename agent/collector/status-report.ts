import { existsSync } from 'node:fs';
import { History } from '../history/history.ts';
import type { JournalCounts } from '../journal/counts.ts';
import { DamagedJournal } from '../journal/damage.ts';
import type { HeldGroup } from '../journal/held.ts';
import { JournalReader } from '../journal/reader.ts';
import { runtimeDirectory } from '../journal/runtime-directory.ts';
import { type AsideReport, asideReports } from '../journal/salvage/reports.ts';
import type { Values } from '../readings/reading.ts';
import { drawnEnergy, phaseText } from '../readings/shown.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import { type CollectorStatus, isAlive, type MeterStatus, readStatus } from './status.ts';

export interface StatusReport {
  stateDir: string;
  running: boolean;
  collector: CollectorStatus | undefined;
  /** Null while it cannot be read. */
  journal: JournalCounts | null;
  /** Why it cannot be read, or written. */
  problem: { message: string; hint: string | undefined } | undefined;
  /** Damaged journals that were set aside, and how far they are salvaged. */
  setAside: AsideReport[];
  /** Readings whose time is not known, or is another one's. */
  held: HeldGroup[];
  /** `takenMs`: the newest reading that is in the roll-ups; what came after is computed when it is asked for. */
  history: { bytes: number; fromMs: number | null; takenMs: number | null; zone: string } | { problem: string };
}

/** @throws AgentError where there is no journal, or no right to read it */
export function gatherStatus(stateDir: string): StatusReport {
  const seen = look(stateDir);
  const collector = readStatus(seen.directory);
  const running = collector !== undefined && isAlive(collector.pid) && collector.stoppedMs === undefined;
  const problem = seen.problem ?? (running ? collector.journal?.problem : undefined);
  const { counts: journal, setAside, held } = seen;
  return { stateDir, running, collector, journal, problem, setAside, held, history: historyOf(stateDir) };
}

function look(stateDir: string) {
  let reader: JournalReader | undefined;
  try {
    reader = new JournalReader(stateDir);
    const directory = reader.runtimeDirectory() ?? runtimeDirectory(stateDir).path;
    const [counts, held, setAside] = [reader.counts(), reader.held(), reader.setAside()];
    return { directory, counts, problem: undefined, setAside, held };
  } catch (error) {
    // A journal that is damaged, or waits for room, says nothing of where its collector has its status.
    if (!(error instanceof AgentError) || !existsSync(stateDir)) throw error;
    const { path } = runtimeDirectory(stateDir);
    const alive = isAlive(readStatus(path)?.pid ?? 0);
    if (!(error instanceof DamagedJournal) && !alive) throw error;
    return { directory: path, counts: null, problem: error, setAside: asideReports(stateDir, undefined), held: [] };
  } finally {
    reader?.close();
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
  const { collector, running, journal, problem, setAside, held, stateDir } = report;
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
  lines.push(journal ? countsLine(journal, stateDir) : `journal     cannot be read, in ${stateDir}`);
  if (problem) lines.push(`  problem   ${problem.message}`, ...(problem.hint ? [`            ${problem.hint}`] : []));
  const pending = running ? (collector?.journal?.pending ?? 0) : 0;
  if (problem && pending > 0) lines.push(`  waiting   ${pending} readings and gaps, in memory and in the spool`);
  for (const aside of setAside) lines.push(...asideLines(aside));
  if (doubt) lines.push(`clock       ${doubt}: readings are held until the time is known`);
  const heldReadings = held.reduce((sum, { readings }) => sum + readings, 0);
  if (heldReadings > 0) {
    lines.push(`held        ${heldReadings} readings without a time of their own: energy-monitor journal held list`);
  }
  lines.push(`history     ${historyText(report.history, nowMs)}`);
  return `${lines.join('\n')}\n`;
}

function countsLine({ readings, gaps, fromMs }: JournalCounts, stateDir: string): string {
  const since = fromMs === null ? '' : ` since ${new Date(fromMs).toISOString()}`;
  return `journal     ${readings} readings on disk, ${gaps} gaps${since}, in ${stateDir}`;
}

function asideLines({ path, bytes, salvage }: AsideReport): string[] {
  const lines = [`set aside   ${path}, ${Math.ceil(bytes / 1e6)} MB: it was damaged`];
  if (!salvage) return [...lines, '  salvage   has not begun: the collector does that in the background'];
  const { done, images, readings, lostPages, lostRows, unknown, finishedMs } = salvage;
  const so = finishedMs === undefined ? `${Math.floor((done / Math.max(1, images)) * 100)} % done, ` : 'done, ';
  const lost = `${lostPages} pages and ${lostRows + unknown} rows could not be read`;
  lines.push(`  salvage   ${so}${readings} readings brought back, ${lost}`);
  if (finishedMs !== undefined)
    lines.push('            the file can be removed; a backup may have the rest (restore --merge)');
  return lines;
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
