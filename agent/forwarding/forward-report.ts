import type { SinkConfig } from '../config/schema.ts';
import { BEGINNING, Cursors } from '../journal/cursors.ts';
import { guardedReads } from '../journal/damage-note.ts';
import { openForReading } from '../journal/database.ts';
import { Feed } from '../journal/feed.ts';
import { timeOfKey } from '../journal/keys.ts';
import { CollectorLock } from '../journal/lock.ts';
import { Quarantine } from '../journal/quarantine.ts';
import { Waiting } from '../journal/waiting.ts';
import { readForwardingStatus } from './forward-status.ts';
import { lanesOf } from './lanes.ts';
import type { SinkStatus } from './sink-status.ts';

export interface SinkReport {
  /** The server's name; with /host behind it for the machine's metrics, which go by a bucket of their own. */
  name: string;
  url: string;
  /** UTC ms of the newest reading that is at the server; null before the first. */
  takenMs: number | null;
  /** Readings that wait in the journal for it, counted up to `counted`. */
  waiting: number;
  counted: number;
  quarantined: number;
  collectorRuns: boolean;
  /** What the running collector says; absent while none does. */
  live: SinkStatus | undefined;
}

/** What of a configuration is needed for it; no secret is among it. */
export interface ForwardingPlace {
  stateDir: string;
  influxdb: readonly Pick<SinkConfig, 'name' | 'url' | 'bucket' | 'hostBucket'>[];
}

/** A status older than this is of a collector that is gone. */
const FRESH_MS = 10_000;
/** Years of readings need not be counted. */
const MOST_COUNTED = 1_000_000;

/**
 * @param counted no more are counted of what waits
 * @throws AgentError `storage` or `permission`
 */
export function gatherForwarding(place: ForwardingPlace, counted = MOST_COUNTED): SinkReport[] {
  return guardedReads(place.stateDir)(() => gather(place, counted));
}

function gather({ stateDir, influxdb }: ForwardingPlace, counted: number): SinkReport[] {
  const db = openForReading(stateDir);
  try {
    const directory = new Waiting(stateDir, db).runtimeDirectory();
    const status = directory === undefined ? undefined : readForwardingStatus(directory);
    const fresh = status !== undefined && Math.abs(Date.now() - status.updatedMs) < FRESH_MS;
    const collectorRuns = CollectorLock.isHeld(stateDir);
    return influxdb.flatMap((sink) =>
      lanesOf(sink).flatMap(({ consumer, wants }, i) => {
        const feed = new Feed(stateDir, { wants });
        try {
          // Without machine metrics there is nothing to say of their lane.
          if (i > 0 && !feed.hasSeries()) return [];
          const live = fresh ? status.sinks.find(({ name }) => name === consumer) : undefined;
          const position = live?.position ?? new Cursors(db).find(consumer) ?? BEGINNING;
          return {
            name: consumer,
            url: sink.url,
            takenMs: position.key === 0 ? null : timeOfKey(position.key),
            waiting: feed.count(position, counted),
            counted,
            quarantined: new Quarantine(db).count(consumer),
            collectorRuns,
            live,
          };
        } finally {
          feed.close();
        }
      }),
    );
  } finally {
    db.close();
  }
}

export function forwardingText(reports: readonly SinkReport[], nowMs: number): string {
  if (reports.length === 0) return 'no server is configured: the journal alone keeps the readings\n';
  return reports.map((report) => sinkText(report, nowMs)).join('');
}

function sinkText(
  { name, url, takenMs, waiting, counted, quarantined, collectorRuns, live }: SinkReport,
  nowMs: number,
): string {
  const lines = [`${name}  ${url}`];
  const wait = `${waiting}${waiting === counted ? ' or more' : ''} readings wait`;
  lines.push(
    takenMs === null
      ? `  taken     nothing yet, ${wait}`
      : `  taken     up to ${new Date(takenMs).toISOString()} (${Math.max(0, Math.round((nowMs - takenMs) / 1000))} s ago), ${wait}`,
  );
  if (live) {
    lines.push(
      `  now       ${live.problem ? 'waiting' : live.catchingUp ? 'catching up' : 'up to date'}, ${live.written} readings written since the collector's start`,
    );
  } else {
    lines.push(
      `  now       ${collectorRuns ? 'a collector runs, but forwards nothing: see its log' : 'no collector runs'}`,
    );
  }
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
