import { join } from 'node:path';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { plainEnvelope } from '../../agent/backup/envelope.ts';
import { Repository } from '../../agent/backup/repository.ts';
import { runBackup } from '../../agent/backup/run.ts';
import type { BackupSource } from '../../agent/backup/source.ts';
import { Influxdb2Source } from '../../agent/backup/sources/influxdb2.ts';
import { JournalSource } from '../../agent/backup/sources/journal.ts';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { createLogger } from '../../agent/system/logging.ts';
import { fillBacklog } from './backlog.ts';
import { startInfluxd } from './influxd.ts';
import type { Workplace } from './workplace.ts';

const HOURS = 168;
const HOUR_MS = 3_600_000;

export interface Week {
  sentBytes: number;
  /** What the objects of each backup are together. */
  fullBytes: number;
}

/** A week of hours, each backed up: what travelled, and what hourly full copies would have been. */
async function week(
  stateDir: string,
  place: string,
  addHour: (fromMs: number) => Promise<void> | void,
  source: () => BackupSource,
): Promise<Week> {
  const store = await DirectoryStore.open(place);
  const log = createLogger({ level: 'silent' });
  const total: Week = { sentBytes: 0, fullBytes: 0 };
  const firstMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOURS * HOUR_MS;
  for (let hour = 0; hour < HOURS; hour++) {
    await addHour(firstMs + hour * HOUR_MS);
    const options = { stateDir, store, recipients: [], host: 'pi', agentVersion: '', log, pausesMs: [] };
    const { name, sentBytes, problems, missing } = await runBackup({ ...options, sources: [source()] });
    if (problems.length + missing.length > 0) throw new Error(`backup ${name} is not whole`);
    const config = await Repository.look(store);
    if (!config) throw new Error('no repository');
    const manifest = await new Repository(store, config, plainEnvelope).manifest(name);
    total.sentBytes += sentBytes;
    total.fullBytes += manifest.objects.reduce((sum, { bytes }) => sum + bytes, 0);
  }
  return total;
}

export function journalWeek({ directory }: Workplace): Promise<Week> {
  const stateDir = join(directory, 'week');
  return week(
    stateDir,
    join(directory, 'week-place'),
    (fromMs) => fillBacklog(stateDir, 3600, fromMs),
    () => new JournalSource(stateDir, Date.now()),
  );
}

/** The same readings in a real InfluxDB 2, with shards of a day, as `influxdb setup` makes them for one meter. */
export async function influxWeek(workplace: Workplace, program: string): Promise<Week> {
  const stateDir = join(workplace.directory, 'influx-week');
  const { url, token } = await startInfluxd(workplace, program);
  const headers = { authorization: `Token ${token}` };
  const created = await fetch(`${url}/api/v2/buckets`, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      name: 'week',
      orgID: await organisation(url, headers),
      retentionRules: [{ type: 'expire', everySeconds: 0, shardGroupDurationSeconds: 86_400 }],
    }),
  });
  if (!created.ok) throw new Error(`no bucket: ${await created.text()}`);
  const log = createLogger({ level: 'silent' });
  const addHour = async (fromMs: number) => {
    fillBacklog(stateDir, 3600, fromMs);
    const reader = new JournalReader(stateDir);
    const lines = reader.readings({ fromMs, toMs: fromMs + HOUR_MS }).map(toLine);
    reader.close();
    const written = await fetch(`${url}/api/v2/write?org=home&bucket=week&precision=ms`, {
      method: 'POST',
      headers,
      body: lines.join('\n'),
    });
    if (!written.ok) throw new Error(`not written: ${await written.text()}`);
  };
  const options = {
    name: 'databases/influxdb',
    address: { url, token },
    includeMetadata: true,
    timeoutMs: 60_000,
    log,
  };
  return week(stateDir, join(workplace.directory, 'influx-place'), addHour, () => new Influxdb2Source(options));
}

async function organisation(url: string, headers: Record<string, string>): Promise<string> {
  const response = await fetch(`${url}/api/v2/orgs?org=home`, { headers });
  const { orgs } = (await response.json()) as { orgs: { id: string }[] };
  return orgs[0]?.id ?? '';
}
