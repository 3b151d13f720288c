import type { MeterStatus } from '../collector/status.ts';
import type { AsideReport } from '../journal/salvage/reports.ts';
import type { Values } from '../readings/reading.ts';
import { drawnEnergy, phaseText } from '../readings/shown.ts';
import { backupLines } from './backup-text.ts';
import { causesText } from './collecting-rules.ts';
import type { Facts } from './facts.ts';
import { lagMs, waitingText } from './forwarding-rules.ts';
import { clockDoubt, heldReadings } from './keeping-rules.ts';
import { machineLines, unitLines } from './machine-text.ts';
import { type MeterDay, missedPoints } from './meter-day.ts';
import type { Problem } from './rule.ts';
import { age, many, percent, size } from './words.ts';

/** How everything is, for a person; the first line alone is what a monitoring shows. */
export function statusText(facts: Facts, problems: readonly Problem[]): string {
  const lines = [
    verdict(facts, problems),
    ...problems.flatMap(({ message, remedy }) => [`  problem   ${message}`, `            -> ${remedy}`]),
    ...unitLines(facts),
    ...collectorLines(facts),
    ...journalLines(facts),
    ...facts.servers.map((server) => serverLine(server, facts.nowMs)),
    ...backupLines(facts),
    ...machineLines(facts),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function verdict({ meters, nowMs }: Facts, problems: readonly Problem[]): string {
  const [first] = problems;
  if (first) return `${many(problems.length, 'problem')}: ${first.message}${problems.length > 1 ? ' ...' : ''}`;
  const read = meters.map(({ name, last }) => `${name} ${last ? `${age(nowMs - last.timeMs)} ago` : 'not yet'}`);
  return `all is well: ${read.length > 0 ? read.join(', ') : 'no meter is read'}`;
}

function collectorLines({ collector, running, isUnseen, meters, nowMs }: Facts): string[] {
  if (!running || !collector) {
    const state = isUnseen ? 'has the journal, and is not to be seen' : 'not running';
    return [`collector   ${state}`, ...meters.flatMap((meter) => meterLines(meter, undefined, nowMs))];
  }
  const own = new Map(collector.meters.map((status) => [status.name, status]));
  const known = new Set(meters.map(({ name }) => name));
  return [
    `collector   running as process ${collector.pid}, for ${age(nowMs - collector.startedMs)}`,
    ...meters.flatMap((meter) => meterLines(meter, own.get(meter.name), nowMs)),
    // While the journal cannot be read, what the collector says is all there is.
    ...collector.meters
      .filter(({ name }) => !known.has(name))
      .flatMap((status) => [titleLine(status.name, status), readingLine(status.lastReading, nowMs), lineLine(status)]),
  ];
}

function meterLines(meter: MeterDay, status: MeterStatus | undefined, nowMs: number): string[] {
  const missed = missedPoints(meter);
  const causes = missed === 0 ? '' : ` (${causesText(meter)})`;
  const share = meter.points === 0 ? '' : `, ${percent(Math.min(1, missed / meter.points))}`;
  return [
    titleLine(meter.name, status),
    readingLine(meter.last, nowMs),
    `  today     ${missed === 0 ? 'no gap' : `${missed} of ${meter.points} missed${share}${causes}`}`,
    ...(status ? [lineLine(status)] : []),
  ];
}

const titleLine = (name: string, status: MeterStatus | undefined): string =>
  `meter       ${name}${status ? `, ${status.model} on ${status.line}` : ''}`;

const readingLine = (last: MeterDay['last'], nowMs: number): string =>
  last ? `  reading   ${valuesText(last.values)}, ${age(nowMs - last.timeMs)} old` : '  reading   none yet';

/** Since the collector's start. */
function lineLine({ lineStats, suspicious }: MeterStatus): string {
  const { requests, answers, timeouts, crcErrors, exceptions, strayBytes, disconnects } = lineStats;
  const share = requests === 0 ? '' : `, ${((100 * answers) / requests).toFixed(answers === requests ? 0 : 1)} %`;
  const rest = [
    `${timeouts} time-outs`,
    `${crcErrors} damaged`,
    `${exceptions} refused`,
    `${strayBytes} stray bytes`,
    `${disconnects} disconnects`,
    ...(suspicious > 0 ? [`${suspicious} implausible`] : []),
  ];
  return `  line      ${answers} of ${requests} requests answered${share}; ${rest.join(', ')}`;
}

/** A counter that is read less often is not in each reading. */
function valuesText(values: Values): string {
  const energy = drawnEnergy(values);
  const parts = [`${values.active_power ?? '-'} W`, `${phaseText(values, 'voltage') ?? '-'} V`];
  return [...parts, ...(energy === undefined ? [] : [`${energy} kWh`])].join(', ');
}

function journalLines(facts: Facts): string[] {
  const { journal, stateDir, running, collector, setAside, nowMs, history } = facts;
  const since = journal?.fromMs ? `readings since ${new Date(journal.fromMs).toISOString()}` : 'no readings yet';
  const pending = (running && collector?.journal?.pending) || 0;
  const waiting = pending > 0 ? `, ${pending} not yet in the file` : '';
  const held = heldReadings(facts);
  return [
    journal
      ? `journal     ${since}${waiting}; ${size(journal.bytes)} in ${stateDir}`
      : `journal     cannot be read, in ${stateDir}`,
    ...setAside.flatMap(asideLines),
    ...(clockDoubt(facts) === undefined
      ? []
      : [`clock       ${clockDoubt(facts)}: readings are held until the time is known`]),
    ...(held === 0 ? [] : [`held        ${held} readings without a time of their own`]),
    `history     ${historyText(history, nowMs)}`,
  ];
}

function asideLines({ path, bytes, salvage }: AsideReport): string[] {
  const lines = [`set aside   ${path}, ${Math.ceil(bytes / 1e6)} MB: it was damaged`];
  if (!salvage) return [...lines, '  salvage   has not begun'];
  const { done, images, readings, lostPages, lostRows, unknown, finishedMs } = salvage;
  const so = finishedMs === undefined ? `${Math.floor((done / Math.max(1, images)) * 100)} % done, ` : 'done, ';
  const lost = `${lostPages} pages and ${lostRows + unknown} rows could not be read`;
  return [...lines, `  salvage   ${so}${readings} readings brought back, ${lost}`];
}

function historyText(history: Facts['history'], nowMs: number): string {
  if ('problem' in history) return `cannot be read: ${history.problem}`;
  const { bytes, fromMs, takenMs, zone } = history;
  if (fromMs === null || takenMs === null) return 'none yet; the collector makes it of the journal';
  const since = new Date(fromMs).toISOString();
  return `roll-ups since ${since}, the newest ${age(nowMs - takenMs)} old; ${(bytes / 1e6).toFixed(1)} MB; days of ${zone}`;
}

function serverLine(server: Facts['servers'][number], nowMs: number): string {
  const { name, live, takenMs, quarantined } = server;
  const lag = lagMs(server, nowMs);
  const state =
    live === undefined ? 'nothing is sent' : live.problem ? 'waiting' : live.catchingUp ? 'catching up' : 'up to date';
  const taken = takenMs === null ? 'has nothing yet' : `has all up to ${age(nowMs - takenMs)} ago`;
  const late = lag > 0 && Number.isFinite(lag) ? `, ${age(lag)} late` : '';
  const refused = quarantined > 0 ? `, ${quarantined} in quarantine` : '';
  return `server      ${name}: ${state}, ${taken}${late}, ${waitingText(server)}${refused}`;
}
