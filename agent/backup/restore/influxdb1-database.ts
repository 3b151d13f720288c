import type { SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { AgentError } from '../../system/errors.ts';
import { influxdb1Rpc } from '../sources/database.ts';
import type { DatabaseRestoreOptions } from './database.ts';
import { influxdb1Databases } from './database-kind.ts';
import { DatabaseNote } from './database-note.ts';
import { type Influxdb1RestoreReport, restoreInfluxdb1 } from './influxdb1.ts';
import { SENT_BEFORE_MS } from './influxdb2-place.ts';
import type { KeptData } from './victoria-metrics-database.ts';

export interface Influxdb1Report {
  kind: 'influxdb1';
  label: string;
  createdMs: number;
  databases: Influxdb1RestoreReport[];
  /** UTC ms: what the journal has from then on is sent again; undefined beside the live data. */
  sentAgainFromMs: number | undefined;
}

/**
 * Brings the databases of an InfluxDB 1.8 back: beside the live ones, or with `swap` under their own names, which have to be
 * free, since it cannot rename any.
 * @throws AgentError with a remedy
 */
export async function bringInfluxdb1(
  options: DatabaseRestoreOptions,
  sink: SinkConfig,
  { snapshot, label, createdMs }: KeptData,
): Promise<Influxdb1Report> {
  const { config, swap, full, toBucket, skipDamaged, log, onProgress } = options;
  const sourceName = `databases/${sink.name}`;
  const names = influxdb1Databases(snapshot, sourceName).filter((name) => name === (options.bucket ?? name));
  if (full || (toBucket !== undefined && names.length > 1)) {
    const message = full
      ? `${sink.name} of the backup is an InfluxDB 1.8, which is restored database by database`
      : `--to-bucket is for one database, and the backup has ${names.length}`;
    throw new AgentError('usage', message, { hint: `name one of them with --bucket: ${names.join(', ')}` });
  }
  const database = config.backup?.databases.find((one) => one.sink === sink.name);
  const operatorTokenFile = options.operatorTokenFile ?? database?.operatorTokenFile;
  const server = { address: sinkAddress(sink, operatorTokenFile), timeoutMs: sink.timeout };
  const report: Influxdb1Report = { kind: 'influxdb1', label, createdMs, databases: [], sentAgainFromMs: undefined };
  for (const name of names) {
    report.databases.push(
      await restoreInfluxdb1({
        ...{ ...server, ...influxdb1Rpc(database ?? {}, server.address.url), stateDir: config.stateDir, log },
        ...{ snapshot, sourceName, database: name, newDatabase: swap ? name : toBucket, skipDamaged },
        onProgress: ({ doneBytes, allBytes }) => onProgress?.(name, { doneBytes, allBytes }),
      }),
    );
  }
  if (!swap) return report;
  report.sentAgainFromMs = Math.max(0, createdMs - SENT_BEFORE_MS);
  options.sendAgain(report.sentAgainFromMs);
  DatabaseNote.done(config.stateDir, sink.name);
  return report;
}
