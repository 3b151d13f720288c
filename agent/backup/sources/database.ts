import type { DatabaseConfig } from '../../config/backup-schema.ts';
import type { SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { InfluxClient } from '../../influxdb/client.ts';
import { recogniseServer } from '../../influxdb/setup/server-kind.ts';
import { MACHINE_MEASUREMENTS } from '../../readings/reading.ts';
import { AgentError } from '../../system/errors.ts';
import type { Logger } from '../../system/logging.ts';
import type { BackupSource } from '../source.ts';
import { influxdb1Source } from './influxdb1.ts';
import { Influxdb2Source } from './influxdb2.ts';
import { victoriaMetricsSource } from './victoria-metrics.ts';

export interface DatabaseContext {
  stateDir: string;
  /** What holds credentials stays out of a repository that is not. */
  isEncrypted: boolean;
  log: Logger;
}

/** Without a sign of progress `influxd backup` is given up. */
const SILENCE_MS = 120_000;
const INFLUXDB1_RPC_PORT = 8088;
/** One request is tried again for so long; a source that fails is then asked again as a whole. */
const PATIENCE_MS = 20_000;

/**
 * The data of a server, as `databases/NAME`, whatever it is: that is asked when its turn comes, so that one that is away holds
 * up no other source.
 */
export function databaseSource(database: DatabaseConfig, sink: SinkConfig, context: DatabaseContext): BackupSource {
  const name = `databases/${sink.name}`;
  return {
    name,
    async *files(before) {
      yield* (await sourceFor(name, database, sink, context)).files(before);
    },
  };
}

async function sourceFor(
  name: string,
  database: DatabaseConfig,
  sink: SinkConfig,
  { stateDir, isEncrypted, log }: DatabaseContext,
): Promise<BackupSource> {
  const { url, ca } = sinkAddress({ ...sink, token: undefined, tokenFile: undefined });
  const { operatorTokenFile, influxd } = database;
  // Whoever names its program knows what it is; versions before 1.8 cannot be written to, but backed up.
  const kind =
    influxd === undefined
      ? (await recogniseServer(new InfluxClient({ url, ca }), sink.timeout)).kind
      : ('influxdb1' as const);
  if (kind === 'victoriametrics') {
    const measurements = ['energy', ...MACHINE_MEASUREMENTS];
    return victoriaMetricsSource({ name, address: sinkAddress(sink), measurements, timeoutMs: sink.timeout });
  }
  if (kind === 'influxdb1') {
    if (!isEncrypted) throw notInTheClear(sink.name);
    const databases = [...new Set([sink.bucket, sink.hostBucket].map((bucket) => bucket.split('/')[0] ?? ''))];
    return influxdb1Source({ name, ...influxdb1Rpc(database, url), databases, stateDir, silenceMs: SILENCE_MS });
  }
  if (operatorTokenFile === undefined) {
    throw new AgentError('config', `the backup of ${sink.name} needs the operator token of its InfluxDB 2`, {
      hint: 'name its file with operatorTokenFile in backup.databases; influxdb setup wrote influxdb-operator.token',
    });
  }
  return new Influxdb2Source({
    name,
    address: sinkAddress(sink, operatorTokenFile),
    includeMetadata: isEncrypted,
    timeoutMs: sink.timeout,
    patienceMs: PATIENCE_MS,
    log,
  });
}

/** How an InfluxDB 1.8 is backed up and restored: by its program, over its RPC. @param url of its HTTP API */
export function influxdb1Rpc({ influxd = 'influxd', rpc }: Pick<DatabaseConfig, 'influxd' | 'rpc'>, url: string) {
  const { host, port } = rpc ?? { host: new URL(url).hostname, port: INFLUXDB1_RPC_PORT };
  return { program: influxd, host, port };
}

function notInTheClear(name: string): AgentError {
  return new AgentError('config', `the backup of ${name}, an InfluxDB 1.8, holds its users' passwords, hashed`, {
    hint: 'use a recipient instead of unencrypted: true, or leave it out of backup.databases',
  });
}
