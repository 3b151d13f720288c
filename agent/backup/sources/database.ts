import type { DatabaseConfig } from '../../config/backup-schema.ts';
import type { SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { InfluxClient } from '../../influxdb/client.ts';
import { recogniseServer } from '../../influxdb/setup/server-kind.ts';
import { AgentError } from '../../system/errors.ts';
import type { Logger } from '../../system/logging.ts';
import type { BackupSource } from '../source.ts';
import { Influxdb2Source } from './influxdb2.ts';

export interface DatabaseContext {
  stateDir: string;
  /** What holds credentials stays out of a repository that is not. */
  isEncrypted: boolean;
  log: Logger;
}

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
  { isEncrypted, log }: DatabaseContext,
): Promise<BackupSource> {
  const { url, ca } = sinkAddress({ ...sink, token: undefined, tokenFile: undefined });
  const { kind } = await recogniseServer(new InfluxClient({ url, ca }), sink.timeout);
  const { operatorTokenFile } = database;
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
