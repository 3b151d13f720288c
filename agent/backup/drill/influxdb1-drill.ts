import type { SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { influxdb1Databases } from '../restore/database-kind.ts';
import { removeLeftScratchInfluxdb1, removeScratchInfluxdb1, restoreInfluxdb1 } from '../restore/influxdb1.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import { influxdb1Rpc } from '../sources/database.ts';
import type { DatabaseDrill } from './database-drill.ts';
import { differencesIn, WRITTEN_MS } from './differences.ts';
import type { DrillPart } from './part.ts';

/** Restores the databases of an InfluxDB 1.8 under scratch names into itself, compares and removes them again. */
export async function drillInfluxdb1(
  snapshot: SnapshotReader,
  name: string,
  sink: SinkConfig,
  { configured, options, madeMs }: DatabaseDrill,
): Promise<DrillPart> {
  const { log, onProgress } = options;
  const database = configured.backup.databases.find((one) => one.sink === sink.name);
  const place = { address: sinkAddress(sink, database?.operatorTokenFile), timeoutMs: sink.timeout };
  await removeLeftScratchInfluxdb1(place);
  const part: DrillPart = { name, done: '', problems: [] };
  let [values, compared] = [0, 0];
  for (const one of influxdb1Databases(snapshot, name)) {
    const restored = await restoreInfluxdb1({
      ...{ ...place, ...influxdb1Rpc(database ?? {}, place.address.url), stateDir: configured.stateDir, log },
      ...{ snapshot, sourceName: name, database: one, newDatabase: 'scratch', skipDamaged: true },
      goesOnFromMs: madeMs - WRITTEN_MS,
      onProgress: ({ doneBytes, allBytes }) => onProgress(one, { unit: 'bytes', done: doneBytes, all: allBytes }),
    });
    await removeScratchInfluxdb1(place, restored.newDatabase);
    values += restored.values;
    compared += restored.comparison?.rightCount ?? 0;
    part.problems.push(...restored.damaged, ...differencesIn(one, restored.comparison));
  }
  part.done = `restored, ${values} values, ${compared} of them compared with the live ones`;
  return part;
}
