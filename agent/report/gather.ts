import { readOutcomes } from '../backup/outcome.ts';
import { gatherStatus, type StatusReport } from '../collector/status-report.ts';
import { gatherForwarding } from '../forwarding/forward-report.ts';
import { type JournalReader, readOnce } from '../journal/reader.ts';
import { AgentError } from '../system/errors.ts';
import { systemZone, Zone } from '../system/zone.ts';
import type { Configured } from './configured.ts';
import type { Facts } from './facts.ts';
import { type HostMetricsOfDay, machineFacts, metricsOfDay } from './machine.ts';
import { type MeterDay, meterDay, meterNames } from './meter-day.ts';
import { units } from './units.ts';

/** More that wait for a server need not be counted: how late it is says it. */
const MOST_COUNTED = 10_000;

export interface Asked {
  stateDir: string;
  version: string;
  /** Undefined where only the state directory is known. */
  configured?: Configured | undefined;
  configProblem?: Facts['configProblem'];
  /** Of a collector that is known: then a journal that is not there is a fact like any other. */
  runtimeDirectory?: string;
  /** How long systemd is waited for, while nothing else is done. */
  patienceMs?: number;
  /** For tests: what stands for / */
  root?: string;
  nowMs?: number;
}

/**
 * How everything is. Reads beside a collector that goes on, and no secret.
 * @throws AgentError where there is no journal, or no right to read it, and no `runtimeDirectory` is known
 */
export async function gatherFacts(asked: Asked): Promise<Facts> {
  const { stateDir, version, configured, configProblem, root = '/', nowMs = Date.now() } = asked;
  const status = gatherStatus(stateDir, asked.runtimeDirectory);
  const read = status.journal && lookInto(stateDir, status, configured, nowMs);
  return {
    ...status,
    // Damage within the file shows where it is read.
    ...(read instanceof AgentError && { journal: null, problem: read }),
    version,
    nowMs,
    expected: configured && { file: configured.file, stores: configured.stores, drills: configured.drills },
    configProblem,
    units: units(root, asked.patienceMs),
    meters: read && 'meters' in read ? read.meters : [],
    servers: read && 'servers' in read ? read.servers : [],
    backups: readOutcomes(stateDir),
    machine: await machineFacts(stateDir, read && 'metrics' in read ? read.metrics : undefined, nowMs, root),
  };
}

/** What is in the journal, or why it cannot be read. */
function lookInto(
  stateDir: string,
  status: StatusReport,
  configured: Configured | undefined,
  nowMs: number,
): (Pick<Facts, 'meters' | 'servers'> & { metrics: HostMetricsOfDay | undefined }) | AgentError {
  try {
    return readOnce(stateDir, (reader) => ({
      meters: meterDays(reader, status, configured, nowMs),
      servers: configured ? gatherForwarding({ stateDir, influxdb: configured.influxdb }, MOST_COUNTED) : [],
      metrics: metricsOfDay(reader, nowMs),
    }));
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
}

function meterDays(
  reader: JournalReader,
  { running, collector, history }: StatusReport,
  configured: Configured | undefined,
  nowMs: number,
): MeterDay[] {
  const zone = new Zone(configured?.timeZone ?? ('zone' in history ? history.zone : systemZone()));
  const collected = (running && collector?.meters) || [];
  const dayMs = zone.startOfDay(nowMs);
  const span = { dayMs, nowMs, gaps: reader.gaps({ fromMs: dayMs, toMs: nowMs }) };
  return meterNames(configured?.meters, collected, reader).map((meter) =>
    meterDay(
      reader,
      meter,
      collected.find(({ name }) => name === meter.name),
      span,
    ),
  );
}
