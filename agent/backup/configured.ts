import type { BackupConfig } from '../config/backup-schema.ts';
import { parseConfig, readConfig } from '../config/load.ts';
import type { SinkConfig } from '../config/schema.ts';
import { readTableFile } from '../config/table.ts';
import { tablesNamed } from '../config/table-files.ts';
import { AgentError } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { BackupSource } from './source.ts';
import { ConfigurationSource } from './sources/configuration.ts';
import { databaseSource } from './sources/database.ts';
import { HistorySource } from './sources/history.ts';
import { JournalSource } from './sources/journal.ts';

/** What a configuration says of backups. */
export interface Configured {
  /** As it is written. */
  text: string;
  /** Register tables that it names: texts by their paths below its directory. */
  tables: ReadonlyMap<string, string>;
  /** Register tables that it names and that lie elsewhere. */
  tablesElsewhere: readonly string[];
  stateDir: string;
  backup: BackupConfig;
  influxdb: readonly SinkConfig[];
}

/** @throws AgentError `config` for mistakes */
export function hasBackup(path: string): boolean {
  return parseConfig(readConfig(path), path).backup !== undefined;
}

/** @throws AgentError `config` when the configuration has no backup */
export function configured(path: string): Configured {
  const text = readConfig(path);
  const { stateDir, backup, influxdb } = parseConfig(text, path);
  const named = tablesNamed(text, path);
  const tables = new Map(
    named.flatMap(({ file, inside }) => (inside === undefined ? [] : [[inside, readTableFile(file)] as const])),
  );
  const tablesElsewhere = named.flatMap(({ file, inside }) => (inside === undefined ? [file] : []));
  if (backup) return { text, tables, tablesElsewhere, stateDir, backup, influxdb };
  throw new AgentError('config', `${path} has no backup`, {
    hint: 'make a key with energy-monitor backup keygen: it prints what to write there',
  });
}

/** What is backed up, the journal first. @throws AgentError when there is no journal yet */
export function sourcesOf(
  { text, tables, tablesElsewhere, stateDir, backup, influxdb }: Configured,
  nowMs: number,
  log: Logger,
): BackupSource[] {
  const databases = backup.databases.map((database) => {
    const sink = influxdb.find(({ name }) => name === database.sink);
    if (sink) return databaseSource(database, sink, { stateDir, isEncrypted: !backup.unencrypted, log });
    throw new AgentError('config', `backup.databases names ${database.sink}, which is no server of influxdb`);
  });
  if (tablesElsewhere.length > 0) {
    log.warn(
      { files: tablesElsewhere, hint: 'put them below its directory, or keep a copy' },
      "register tables that lie outside the configuration's directory are in no backup",
    );
  }
  return [
    new JournalSource(stateDir, nowMs),
    new ConfigurationSource(text, tables),
    new HistorySource(stateDir, nowMs),
    ...databases,
  ];
}
