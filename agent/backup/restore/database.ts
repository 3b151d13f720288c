import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreConfig } from '../../config/backup-schema.ts';
import type { Config, SinkConfig } from '../../config/schema.ts';
import type { Progress } from '../../influxdb/restore/send-shards.ts';
import { storageError } from '../../journal/database.ts';
import { AgentError } from '../../system/errors.ts';
import { KernelLock } from '../../system/kernel-lock.ts';
import type { Logger } from '../../system/logging.ts';
import { databasesIn } from './database-kind.ts';
import { bringInfluxdb1, type Influxdb1Report } from './influxdb1-database.ts';
import { snapshotInflux } from './influxdb2.ts';
import { type Influxdb2Report, restoreInfluxdb2 } from './influxdb2-database.ts';
import { readInfluxBackup } from './influxdb2-official.ts';
import { notLaterThanMade, openSnapshot } from './restore.ts';
import { bringVictoriaMetrics, type VictoriaMetricsReport } from './victoria-metrics-database.ts';

export interface DatabaseRestoreOptions {
  config: Config;
  /** Its path: secrets for which it names no file go beside it. */
  configFile: string;
  store: StoreConfig | undefined;
  /** Its sequence, or `latest`. */
  which: string;
  /** Instead of a backup of ours: a directory that `influx backup` wrote. */
  influxBackup?: string | undefined;
  identityFile: string | undefined;
  /** Name of the server in `influxdb`, of this configuration and of the backup. */
  sink: string;
  /** Only this bucket. */
  bucket?: string | undefined;
  /** Under this name; by default `BUCKET-restored`. */
  toBucket?: string | undefined;
  /** Let the restored ones take the names of the live ones, and make the agent's tokens anew. */
  swap: boolean;
  /** Instead: everything in the server, users and tokens as well. */
  full?: boolean | undefined;
  /** With `full`: yes, what is there goes. */
  yes?: boolean | undefined;
  /** VictoriaMetrics: go on without what is older than what the server keeps. */
  leaveOutExpired?: boolean | undefined;
  /** Of the server as it is now, where that is another token than the one that the configuration names for backups. */
  operatorTokenFile?: string | undefined;
  skipDamaged: boolean;
  /** Lets the server get what the journal has from this time on (UTC ms) once more: what was restored is live. */
  sendAgain: (fromMs: number) => void;
  log: Logger;
  onProgress?: (what: string, progress: Pick<Progress, 'doneBytes' | 'allBytes'>) => void;
}

/** How it went. */
export type DatabaseRestoreReport = Influxdb2Report | VictoriaMetricsReport | Influxdb1Report;

/**
 * Brings the data of a server back from a backup, as its kind wants it.
 * @throws AgentError with a remedy; `locked` while another restore of this machine runs
 */
export async function restoreDatabase(options: DatabaseRestoreOptions): Promise<DatabaseRestoreReport> {
  const { stateDir } = options.config;
  const sink = sinkNamed(options.config, options.sink);
  if (!existsSync(stateDir)) {
    throw new AgentError('config', `there is no directory ${stateDir}, where stateDir says that the journal is`, {
      hint: 'restore the journal first: energy-monitor restore',
    });
  }
  const lock = lockOf(join(stateDir, 'restore.lock'));
  if (!lock) throw new AgentError('locked', 'another restore of this machine is running', { hint: 'wait for it' });
  try {
    return await restoreFrom(options, sink);
  } finally {
    lock.release();
  }
}

function lockOf(path: string): KernelLock | undefined {
  try {
    return KernelLock.acquire(path);
  } catch (error) {
    throw storageError(path, error);
  }
}

async function restoreFrom(options: DatabaseRestoreOptions, sink: SinkConfig): Promise<DatabaseRestoreReport> {
  const { influxBackup, config, store } = options;
  if (influxBackup !== undefined) {
    const backup = await readInfluxBackup(influxBackup);
    const { label } = backup;
    return restoreInfluxdb2(options, sink, { backup, label, key: label, sequence: undefined, createdMs: undefined });
  }
  if (!store)
    throw new AgentError('usage', 'it is not said from where to restore', { hint: 'name the place with --from' });
  const { listed, snapshot } = await openSnapshot({ ...options, store, stateDir: config.stateDir });
  const { sequence } = snapshot.manifest;
  const label = `backup ${sequence}, made ${new Date(snapshot.manifest.createdMs).toISOString()}`;
  const createdMs = notLaterThanMade(listed, snapshot);
  const kind = databasesIn(snapshot).find(({ name }) => name === sink.name)?.kind;
  switch (kind) {
    case 'influxdb1':
      return bringInfluxdb1(options, sink, { snapshot, label, createdMs });
    case 'victoriametrics':
      return bringVictoriaMetrics(options, sink, { snapshot, label, createdMs });
    default: {
      const backup = await snapshotInflux(snapshot, `databases/${sink.name}`);
      return restoreInfluxdb2(options, sink, { backup, label, key: listed.name, sequence, createdMs });
    }
  }
}

export function sinkNamed({ influxdb }: Config, name: string): SinkConfig {
  const sink = influxdb.find((one) => one.name === name);
  if (sink) return sink;
  throw new AgentError('usage', `there is no server ${name} in influxdb of the configuration`, {
    hint: influxdb.length === 0 ? 'name it there first' : `there is ${influxdb.map((one) => one.name).join(', ')}`,
  });
}
