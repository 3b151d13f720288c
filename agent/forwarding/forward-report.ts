import type { Config } from '../config/schema.ts';
import { BEGINNING, Cursors } from '../journal/cursors.ts';
import { openForReading } from '../journal/database.ts';
import { timeOfKey } from '../journal/keys.ts';
import { Quarantine } from '../journal/quarantine.ts';
import { JournalReader } from '../journal/reader.ts';
import { readForwardingStatus } from './forward-status.ts';
import type { SinkStatus } from './sink-status.ts';

export interface SinkReport {
  name: string;
  url: string;
  /** UTC ms of the newest reading that is at the server; null before the first. */
  takenMs: number | null;
  /** Readings that wait in the journal for it. */
  waiting: number;
  quarantined: number;
  /** What the running collector says; absent while none runs. */
  live: SinkStatus | undefined;
}

/** A status older than this is of a collector that is gone. */
const FRESH_MS = 10_000;

export function gatherForwarding(config: Config): SinkReport[] {
  const reader = new JournalReader(config.stateDir);
  const db = openForReading(config.stateDir);
  try {
    const directory = reader.runtimeDirectory();
    const status = directory === undefined ? undefined : readForwardingStatus(directory);
    const fresh = status !== undefined && Date.now() - status.updatedMs < FRESH_MS;
    return config.influxdb.map(({ name, url }) => {
      const live = fresh ? status.sinks.find((sink) => sink.name === name) : undefined;
      const position = live?.position ?? new Cursors(db).find(name) ?? BEGINNING;
      return {
        name,
        url,
        takenMs: position.key === 0 ? null : timeOfKey(position.key),
        waiting: reader.countAfter(position.key),
        quarantined: new Quarantine(db).count(name),
        live,
      };
    });
  } finally {
    db.close();
    reader.close();
  }
}

export function forwardingText(reports: readonly SinkReport[], nowMs: number): string {
  if (reports.length === 0) return 'no server is configured: the journal alone keeps the readings\n';
  return reports.map((report) => sinkText(report, nowMs)).join('');
}

function sinkText({ name, url, takenMs, waiting, quarantined, live }: SinkReport, nowMs: number): string {
  const lines = [`${name}  ${url}`];
  lines.push(
    takenMs === null
      ? `  taken     nothing yet, ${waiting} readings wait`
      : `  taken     up to ${new Date(takenMs).toISOString()} (${Math.max(0, Math.round((nowMs - takenMs) / 1000))} s ago), ${waiting} readings wait`,
  );
  if (live) {
    lines.push(
      `  now       ${live.problem ? 'waiting' : live.catchingUp ? 'catching up' : 'up to date'}, ${live.written} readings written since the collector's start`,
    );
  } else lines.push('  now       no collector runs');
  if (live?.problem) {
    lines.push(
      `  problem   ${live.problem.message}`,
      ...(live.problem.hint ? [`            ${live.problem.hint}`] : []),
    );
  }
  if (live?.lastRefusal) lines.push(`  refused   ${live.lastRefusal}`);
  if (quarantined > 0) lines.push(`  quarantine ${quarantined}; see: energy-monitor forward quarantine list`);
  return `${lines.join('\n')}\n`;
}
