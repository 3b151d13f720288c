import { statSync } from 'node:fs';
import type { CollectorStatus } from '../../collector/status.ts';
import { readForwardingStatus } from '../../forwarding/forward-status.ts';
import type { SinkStatus } from '../../forwarding/sink-status.ts';
import { journalPath } from '../../journal/database.ts';
import { timeOfKey } from '../../journal/keys.ts';
import type { Place } from '../place.ts';
import { VERSION } from '../version.ts';
import type { Families, Family } from './exposition.ts';

const HOST_LANE = '/host';

const gauge = (name: string, help: string, unit?: string): Omit<Family, 'samples'> => ({
  name: `energy_monitor_${name}${unit === undefined ? '' : `_${unit}`}`,
  type: 'gauge',
  unit,
  help,
});

const counter = (name: string, help: string): Omit<Family, 'samples'> => ({
  name: `energy_monitor_${name}`,
  type: 'counter',
  help,
});

/** What the agent says of itself: from the status files and from this thread, without a look into the journal. */
export function agentMetrics(families: Families, place: Place, collector: CollectorStatus | undefined): void {
  families.add({ name: 'energy_monitor_build', type: 'info', help: 'The version that runs.' }, 1, { version: VERSION });
  if (collector) addCollector(families, collector);
  addJournal(families, place, collector);
  addForwarding(families, place, collector);
  addPage(families, place);
}

function addCollector(families: Families, { startedMs, clock }: CollectorStatus): void {
  families.add(
    gauge('collector_start_timestamp', 'When the collector was started, in seconds since 1970.', 'seconds'),
    startedMs / 1000,
  );
  const isTrusted = clock && Number(clock.doubt === undefined);
  families.add(
    gauge('clock_trusted', 'Whether the clock is taken for right; readings are held as long as not.'),
    isTrusted,
  );
}

function addJournal(families: Families, { stateDir }: Place, collector: CollectorStatus | undefined): void {
  const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;
  const path = journalPath(stateDir);
  const bytes = seen(() => size(path));
  const wal = seen(() => size(`${path}-wal`)) ?? 0;
  families.add(
    gauge('journal_size', 'Size of the journal with its write-ahead file.', 'bytes'),
    bytes === undefined ? undefined : bytes + wal,
  );
  const { journal } = collector ?? {};
  if (!journal) return;
  families.add(
    gauge('journal_waiting_entries', 'Readings and gaps that are not in the database yet.'),
    journal.pending,
  );
  families.add(gauge('journal_writable', 'Whether the journal can be written.'), Number(journal.problem === undefined));
}

/** Undefined for a file that this user may not look at. */
function seen<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function addForwarding(
  families: Families,
  { runtimeDirectory, nowMs }: Place,
  collector: CollectorStatus | undefined,
): void {
  const newest = collector?.meters.map(({ lastReading }) => lastReading?.timeMs ?? Number.NEGATIVE_INFINITY) ?? [];
  const newestMs = Math.max(...newest);
  for (const sink of readForwardingStatus(runtimeDirectory)?.sinks ?? []) {
    const isHost = sink.name.endsWith(HOST_LANE);
    const labels = {
      server: isHost ? sink.name.slice(0, -HOST_LANE.length) : sink.name,
      readings: isHost ? 'machine' : 'meters',
    };
    families.add(
      gauge('forwarding_lag', 'How far the server is behind the newest reading of a meter.', 'seconds'),
      isHost ? undefined : lagSeconds(sink, newestMs),
      labels,
    );
    families.add(
      gauge('forwarding_up', 'Whether the server takes readings.'),
      Number(sink.problem === undefined),
      labels,
    );
    families.add(
      gauge('forwarding_problem_duration', 'For how long it has taken none; 0 where it does.', 'seconds'),
      sink.problem ? Math.max(0, nowMs() - sink.problem.sinceMs) / 1000 : 0,
      labels,
    );
    families.add(counter('forwarding_written_readings', 'Readings written since the start.'), sink.written, labels);
    families.add(
      counter('forwarding_quarantined_readings', 'Readings that the server refused for good, since the start.'),
      sink.quarantined,
      labels,
    );
  }
}

/** By where it stands in the journal: what it sent last may be a reading that came late. */
function lagSeconds({ position }: SinkStatus, newestMs: number): number | undefined {
  if (position.key === 0 || !Number.isFinite(newestMs)) return undefined;
  return Math.max(0, newestMs - timeOfKey(position.key)) / 1000;
}

function addPage(families: Families, { streams, requests }: Place): void {
  families.add(gauge('page_open_streams', 'Live streams that are open.'), streams());
  const answered = counter('page_requests', "Requests answered since the start of the page's thread, by status.");
  for (const [status, count] of requests) families.add(answered, count, { code: String(status) });
}
