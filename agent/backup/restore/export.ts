import type { Configured } from '../configured.ts';
import { storeOf } from '../place.ts';
import { type ExportedBackup, exportInfluxBackup } from './influxdb2-export.ts';
import { openSnapshot } from './restore.ts';

/**
 * Writes the InfluxDB 2 of a backup as `influx restore` takes it.
 * @throws AgentError with a remedy
 */
export async function exportConfigured(
  { backup, stateDir }: Configured,
  options: {
    /** Its sequence, or `latest`. */
    which: string;
    /** New, or empty. */
    directory: string;
    store: string | undefined;
    identityFile: string | undefined;
    /** The server's name in `influxdb`. */
    sink: string;
    skipDamaged: boolean;
  },
): Promise<ExportedBackup> {
  const { which, directory, identityFile, sink, skipDamaged } = options;
  const { snapshot } = await openSnapshot({ store: storeOf(backup, options.store), stateDir, identityFile, which });
  return exportInfluxBackup(snapshot, `databases/${sink}`, directory, { skipDamaged });
}
