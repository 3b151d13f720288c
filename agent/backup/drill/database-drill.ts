import { join } from 'node:path';
import type { SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { RestoreServer } from '../../influxdb/restore/restore-server.ts';
import { AgentError } from '../../system/errors.ts';
import type { Configured } from '../configured.ts';
import type { KeptDatabase } from '../restore/database-kind.ts';
import { snapshotInflux } from '../restore/influxdb2.ts';
import { DamagedContent, type SnapshotReader } from '../snapshot-reader.ts';
import type { DrillOptions } from './drill.ts';
import { drillInfluxdb1 } from './influxdb1-drill.ts';
import { drillBuckets } from './influxdb2-drill.ts';
import type { DrillPart } from './part.ts';
import { startScratchInfluxd } from './scratch-influxd.ts';
import { drillVictoriaMetrics } from './victoria-metrics-drill.ts';

const PATIENCE_MS = 20_000;

export interface DatabaseDrill {
  configured: Configured;
  /** An empty directory. */
  scratch: string;
  options: DrillOptions;
}

/** Restores a server's data on trial, where there is a server for it; else each of its files is read to the last bit. */
export async function drillDatabase(
  snapshot: SnapshotReader,
  database: KeptDatabase,
  drill: DatabaseDrill,
): Promise<DrillPart> {
  const sink = drill.configured.influxdb.find(({ name }) => name === database.name);
  const name = `databases/${database.name}`;
  try {
    if (!sink) return await readFiles(snapshot, name, drill);
    if (database.kind === 'influxdb2') return await drillInfluxdb2(snapshot, name, sink, drill);
    if (database.kind === 'influxdb1') return await drillInfluxdb1(snapshot, name, sink, drill);
    return await drillVictoriaMetrics(snapshot, name, sink, drill);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // One server that cannot be tried says nothing of the other parts.
    return {
      name,
      done: 'not tried',
      problems: [`${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`],
    };
  }
}

async function drillInfluxdb2(
  snapshot: SnapshotReader,
  name: string,
  sink: SinkConfig,
  { configured, scratch, options }: DatabaseDrill,
): Promise<DrillPart> {
  const { influxd, patienceMs = PATIENCE_MS, log, onProgress } = options;
  const backup = await snapshotInflux(snapshot, name);
  const common = { timeoutMs: sink.timeout, patienceMs, log };
  const operatorTokenFile = configured.backup.databases.find((one) => one.sink === sink.name)?.operatorTokenFile;
  if (operatorTokenFile === undefined) {
    throw new AgentError('config', `a drill of ${sink.name} needs the operator token of its InfluxDB 2`, {
      hint: 'name its file with operatorTokenFile in backup.databases',
    });
  }
  const live = new RestoreServer({ address: sinkAddress(sink, operatorTokenFile), ...common });
  const { createdMs } = snapshot.manifest;
  const buckets = { live, backup, createdMs, nowMs: Date.now(), onProgress };
  if (influxd === undefined) return drillBuckets(name, { ...buckets, server: live });
  const own = await startScratchInfluxd(influxd, join(scratch, 'influxd'));
  try {
    const server = new RestoreServer({ address: { url: own.url, token: own.token }, ...common });
    return await drillBuckets(name, { ...buckets, server });
  } finally {
    await own.stop();
  }
}

async function readFiles(snapshot: SnapshotReader, name: string, { options }: DatabaseDrill): Promise<DrillPart> {
  const files = snapshot.files(`${name}/`);
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const part: DrillPart = { name, done: `${files.length} files read to the last bit, not restored`, problems: [] };
  let done = 0;
  for (const file of files) {
    try {
      for await (const _ of snapshot.content(file));
    } catch (error) {
      if (!(error instanceof DamagedContent)) throw error;
      part.problems.push(error.message);
    }
    done += file.bytes;
    options.onProgress(name, { unit: 'bytes', done, all });
  }
  return part;
}
