import { join } from 'node:path';
import type { SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { RestoreServer } from '../../influxdb/restore/restore-server.ts';
import { AgentError } from '../../system/errors.ts';
import type { Configured } from '../configured.ts';
import type { SnapshotFile } from '../manifest.ts';
import type { KeptDatabase } from '../restore/database-kind.ts';
import { snapshotInflux } from '../restore/influxdb2.ts';
import { DamagedContent, type SnapshotReader } from '../snapshot-reader.ts';
import type { DrillOptions } from './drill.ts';
import { drillInfluxdb1 } from './influxdb1-drill.ts';
import { drillBuckets } from './influxdb2-drill.ts';
import type { DrillPart } from './part.ts';
import { requireRoom } from './room.ts';
import { startScratchInfluxd } from './scratch-influxd.ts';
import { drillVictoriaMetrics } from './victoria-metrics-drill.ts';

const PATIENCE_MS = 20_000;

export interface DatabaseDrill {
  configured: Configured;
  /** An empty directory. */
  scratch: string;
  options: DrillOptions;
  /** UTC ms, not later than the backup was made. */
  madeMs: number;
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
  { configured, scratch, options, madeMs }: DatabaseDrill,
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
  const buckets = { backup, madeMs, nowMs: Date.now(), onProgress };
  // What no bucket needs: the server's databases, for a restore of all of it, and what an export takes along.
  const others = snapshot.files(`${name}/`).filter(({ path }) => !path.endsWith('.tsm'));
  const damaged = await damagedOf(snapshot, others, (done, all) => onProgress(name, { unit: 'bytes', done, all }));
  const withDamaged = (part: DrillPart) => ({ ...part, problems: [...new Set([...part.problems, ...damaged])] });
  if (influxd === undefined) return withDamaged(await drillBuckets(name, { ...buckets, server: live }));
  requireRoom(
    scratch,
    snapshot.files(`${name}/`).reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const own = await startScratchInfluxd(influxd, join(scratch, 'influxd'));
  try {
    const server = new RestoreServer({ address: { url: own.url, token: own.token }, ...common });
    return withDamaged(await drillBuckets(name, { ...buckets, live, server }));
  } finally {
    await own.stop();
  }
}

async function readFiles(snapshot: SnapshotReader, name: string, { options }: DatabaseDrill): Promise<DrillPart> {
  const files = snapshot.files(`${name}/`);
  const problems = await damagedOf(snapshot, files, (done, all) =>
    options.onProgress(name, { unit: 'bytes', done, all }),
  );
  return { name, done: `${files.length} files read to the last bit, not restored`, problems };
}

/** Reads files to the last bit. @returns a sentence for each that cannot be had */
async function damagedOf(
  snapshot: SnapshotReader,
  files: readonly SnapshotFile[],
  onProgress: (done: number, all: number) => void,
): Promise<string[]> {
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const damaged: string[] = [];
  let done = 0;
  for (const file of files) {
    try {
      for await (const _ of snapshot.content(file));
    } catch (error) {
      if (!(error instanceof DamagedContent)) throw error;
      damaged.push(error.message);
    }
    done += file.bytes;
    onProgress(done, all);
  }
  return damaged;
}
