import { readOutcomes } from '../backup/outcome.ts';
import { gatherStatus, type StatusReport } from '../collector/status-report.ts';
import { storeName } from '../config/backup-schema.ts';
import type { Config } from '../config/schema.ts';
import { gatherForwarding } from '../forwarding/forward-report.ts';
import { type JournalReader, readOnce } from '../journal/reader.ts';
import { AgentError } from '../system/errors.ts';
import { systemZone, Zone } from '../system/zone.ts';
import type { Facts } from './facts.ts';
import { type HostMetricsOfDay, machineFacts, metricsOfDay } from './machine.ts';
import { type MeterDay, meterDay, meterNames } from './meter-day.ts';
import { units } from './units.ts';

/** More that wait for a server need not be counted: how late it is says it. */
const MOST_COUNTED = 10_000;

export interface Asked {
  stateDir: string;
  version: string;
  /** With its file; undefined where only the state directory is known. */
  configured?: { config: Config; file: string } | undefined;
  configProblem?: Facts['configProblem'];
  /** For tests: what stands for / */
  root?: string;
  nowMs?: number;
}

/**
 * How everything is. Reads beside a collector that goes on, and no secret.
 * @throws AgentError where there is no journal, or no right to read it
 */
export async function gatherFacts(asked: Asked): Promise<Facts> {
  const { stateDir, version, configured, configProblem, root = '/', nowMs = Date.now() } = asked;
  const { config, file } = configured ?? {};
  const status = gatherStatus(stateDir);
  const read = status.journal && lookInto(stateDir, status, config, nowMs);
  return {
    ...status,
    // Damage within the file shows where it is read.
    ...(read instanceof AgentError && { journal: null, problem: read }),
    version,
    nowMs,
    expected: config && {
      file: file ?? '',
      stores: config.backup?.stores.map(storeName),
      drills: config.backup?.drill !== undefined || config.backup?.unencrypted === true,
    },
    configProblem,
    units: units(root),
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
  config: Config | undefined,
  nowMs: number,
): (Pick<Facts, 'meters' | 'servers'> & { metrics: HostMetricsOfDay | undefined }) | AgentError {
  try {
    return readOnce(stateDir, (reader) => ({
      meters: meterDays(reader, status, config, nowMs),
      servers: config ? gatherForwarding(config, MOST_COUNTED) : [],
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
  config: Config | undefined,
  nowMs: number,
): MeterDay[] {
  const zone = new Zone(config?.timeZone ?? ('zone' in history ? history.zone : systemZone()));
  const collected = (running && collector?.meters) || [];
  const dayMs = zone.startOfDay(nowMs);
  const span = { dayMs, nowMs, gaps: reader.gaps({ fromMs: dayMs, toMs: nowMs }) };
  return meterNames(config?.meters, collected, reader).map((meter) =>
    meterDay(
      reader,
      meter,
      collected.find(({ name }) => name === meter.name),
      span,
    ),
  );
}
