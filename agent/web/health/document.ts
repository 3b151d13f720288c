import type { Outcome } from '../../backup/outcome.ts';
import type { MeterStatus } from '../../collector/status.ts';
import type { SinkReport } from '../../forwarding/forward-report.ts';
import type { Facts } from '../../report/facts.ts';
import type { MeterDay } from '../../report/meter-day.ts';
import type { Problem } from '../../report/rule.ts';
import type { Unit } from '../../report/units.ts';

/** UTC milliseconds as ISO 8601; null for what is not known. */
const iso = (timeMs: number | null | undefined): string | null =>
  timeMs === undefined || timeMs === null ? null : new Date(timeMs).toISOString();

/** What is undefined would be left out of JSON: who reads it should find it, as null. */
const orNull = <T>(value: T | undefined): T | null => value ?? null;

/** `critical`: readings are being lost; `warning`: something needs a person. */
function statusOf(problems: readonly Problem[]): 'ok' | 'warning' | 'critical' {
  if (problems.some(({ severity }) => severity === 'critical')) return 'critical';
  return problems.length > 0 ? 'warning' : 'ok';
}

/** Facts and the problems found in them as `GET /api/v1/health` tells them: names that stay, times as text. */
export function healthDocument(facts: Facts, problems: readonly Problem[]): object {
  const { version, nowMs, running, units, servers, machine } = facts;
  const collector = running ? facts.collector : undefined;
  const { clock } = collector ?? {};
  return {
    status: statusOf(problems),
    version,
    time: iso(nowMs),
    uptimeSeconds: collector ? Math.max(0, Math.round((nowMs - collector.startedMs) / 1000)) : null,
    problems,
    clock: clock ? { trusted: clock.doubt === undefined, confirmed: clock.confirmed } : null,
    meters: metersOf(collector?.meters ?? [], facts.meters),
    journal: journalOf(facts),
    history: historyOf(facts),
    servers: servers.map(serverOf),
    backups: backupsOf(facts),
    machine: {
      model: machine.model,
      values: machine.values,
      metricsTime: iso(machine.metricsMs),
      diskFullDays: orNull(machine.diskFullDays),
      writtenBytesPerDay: orNull(machine.writtenBytesPerDay),
    },
    units: units?.map(unitOf) ?? null,
  };
}

/** Those that the collector reads, and those that it should. */
function metersOf(read: readonly MeterStatus[], days: readonly MeterDay[]): object[] {
  const names = new Set([...days, ...read].map(({ name }) => name));
  return [...names].map((name) => {
    const status = read.find((one) => one.name === name);
    const day = days.find((one) => one.name === name);
    const { lastGap, problem } = status ?? {};
    return {
      name,
      model: orNull(status?.model),
      intervalMs: orNull(status?.intervalMs ?? day?.intervalMs),
      line: orNull(status?.line),
      connected: orNull(status?.connected),
      good: orNull(status?.good),
      gaps: orNull(status?.gaps),
      suspicious: orNull(status?.suspicious),
      lineStats: orNull(status?.lineStats),
      lastReading: iso(day?.last?.timeMs ?? status?.lastReading?.timeMs),
      lastGap: lastGap ? { time: iso(lastGap.timeMs), cause: lastGap.cause, message: lastGap.message } : null,
      today: day ? { from: iso(day.fromMs), points: day.points, missed: day.missed } : null,
      problem: problem ? { message: problem.message, hint: orNull(problem.hint) } : null,
    };
  });
}

function journalOf({ journal, problem, collector, running, held, setAside }: Facts): object {
  return {
    readable: journal !== null,
    from: iso(journal?.fromMs),
    to: iso(journal?.toMs),
    bytes: orNull(journal?.bytes),
    waiting: orNull(running ? collector?.journal?.pending : undefined),
    held: held.reduce((sum, { readings }) => sum + readings, 0),
    setAside: setAside.map(({ bytes, salvage }) => ({ bytes, salvaged: salvage?.finishedMs !== undefined })),
    problem: problem ? { message: problem.message, hint: orNull(problem.hint) } : null,
  };
}

function historyOf({ history }: Facts): object {
  if ('problem' in history) return { bytes: null, from: null, taken: null, timeZone: null, problem: history.problem };
  const { bytes, fromMs, takenMs, zone } = history;
  return { bytes, from: iso(fromMs), taken: iso(takenMs), timeZone: zone, problem: null };
}

function serverOf({ name, url, takenMs, waiting, counted, quarantined, live }: SinkReport): object {
  const { problem } = live ?? {};
  return {
    name,
    url,
    taken: iso(takenMs),
    waiting,
    /** More may wait than were counted. */
    waitingIsLeast: waiting === counted,
    quarantined,
    catchingUp: orNull(live?.catchingUp),
    written: orNull(live?.written),
    problem: problem ? { message: problem.message, hint: orNull(problem.hint), since: iso(problem.sinceMs) } : null,
  };
}

/** One that is configured and was never tried is told as well. */
function backupsOf({ expected, backups }: Facts): object[] {
  const names = new Set([...(expected?.stores ?? []), ...Object.keys(backups)]);
  return [...names].map((store) => {
    const outcome: Outcome | undefined = backups[store];
    const { good, verified, drilled } = outcome ?? {};
    return {
      store,
      label: orNull(outcome?.label),
      tried: iso(outcome?.triedMs),
      good: good ? { sequence: good.sequence, time: iso(good.madeMs) } : null,
      owed: orNull(outcome?.owed),
      verified: verified ? { time: iso(verified.madeMs), problems: verified.problems } : null,
      drilled: drilled
        ? { time: iso(drilled.madeMs), succeeded: 'problems' in drilled && drilled.problems === 0 }
        : null,
      expires: iso(outcome?.expiresMs),
      problem: orNull(outcome?.problem),
    };
  });
}

const unitOf = ({ name, active, result, file, restarts, sinceMs, ranMs }: Unit): object => ({
  name,
  active,
  result,
  file,
  restarts,
  since: iso(sinceMs),
  ran: iso(ranMs),
});
