import type { DatabaseConfig } from '../../config/backup-schema.ts';
import type { SinkConfig } from '../../config/schema.ts';
import type { Logger } from '../../system/logging.ts';
import type { BackupSource } from '../source.ts';

export interface DatabaseContext {
  stateDir: string;
  /** What holds credentials stays out of a repository that is not. */
  isEncrypted: boolean;
  log: Logger;
}

/** The data of a server, whatever it is: that is asked when its turn comes, so that one that is away holds up no other source. */
export function databaseSource(_database: DatabaseConfig, sink: SinkConfig, _context: DatabaseContext): BackupSource {
  return { name: `databases/${sink.name}`, files: () => [] };
}
