import { snapshotInflux } from '../../agent/backup/restore/influxdb2.ts';
import { SnapshotReader } from '../../agent/backup/snapshot-reader.ts';
import type { BackupSource } from '../../agent/backup/source.ts';
import type { Store } from '../../agent/backup/store.ts';
import { connectionsTo } from '../../agent/influxdb/connections.ts';
import type { InfluxBackup } from '../../agent/influxdb/restore/influx-backup.ts';
import { RestoreServer, type RestoreServerOptions } from '../../agent/influxdb/restore/restore-server.ts';
import { backUp, openRepository } from './backups.ts';
import { fillJournal, secondsFrom } from './forwarding.ts';
import { flux, type InfluxAccess } from './influxd.ts';
import { memoryStore } from './memory-store.ts';
import { afterTest } from './side-by-side.ts';
import { silentLog } from './silent-log.ts';
import { influxdb2Source } from './source-files.ts';
import { temporaryDirectory } from './temporary.ts';

/** A snapshot in a repository of its own, and what its store holds. */
export interface Snapshot {
  reader: SnapshotReader;
  contents: Map<string, Buffer>;
  store: Store;
}

/** Backs up a server, or whatever the sources are, together with a small journal. */
export async function snapshotOf(sources: readonly BackupSource[]): Promise<Snapshot> {
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(1_772_323_200, 5));
  const contents = new Map<string, Buffer>();
  const store = memoryStore(contents);
  const { name } = await backUp(stateDir, store, { sources: [...sources] });
  return { reader: await SnapshotReader.open(await openRepository(store), name), contents, store };
}

export async function influxSnapshot({ url, token }: Pick<InfluxAccess, 'url' | 'token'>) {
  const snapshot = await snapshotOf([influxdb2Source(url, token)]);
  const backup: InfluxBackup = await snapshotInflux(snapshot.reader, 'influxdb');
  return { ...snapshot, backup };
}

/** Removes or damages the first object of a file. */
export function spoil({ reader, contents }: Snapshot, path: RegExp, how: 'gone' | 'damaged'): string {
  const file = reader.files().find((one) => path.test(one.path));
  const object = file?.objects[0];
  const data = contents.get(object?.name ?? '');
  if (!file || !object || !data) throw new Error(`no object of ${path}`);
  if (how === 'gone') contents.delete(object.name);
  else contents.set(object.name, Buffer.concat([data.subarray(0, -1), Buffer.from([(data.at(-1) ?? 0) ^ 1])]));
  return file.path;
}

/** Tries nothing again, so that tests see what fails; with one connection, which whoever leaves it open blocks. */
export function restoreServer(
  { url, token }: Pick<InfluxAccess, 'url' | 'token'>,
  options: Partial<RestoreServerOptions> = {},
): RestoreServer {
  const connections = connectionsTo(url);
  afterTest(() => connections.close());
  return new RestoreServer({
    address: { url, token, connections },
    timeoutMs: 20_000,
    patienceMs: 0,
    log: silentLog,
    ...options,
  });
}

/** Every point of a bucket with all its digits. */
export async function pointsOf(access: InfluxAccess, bucket: string): Promise<string[]> {
  const rows = await flux(access, `from(bucket: "${bucket}") |> range(start: 0, stop: 2100-01-01T00:00:00Z)`);
  return rows.map((row) => [row._measurement, row.meter, row._field, row._time, row._value].join(' ')).sort();
}

/** Names of the buckets but the system's. */
export async function bucketNames({ url, token }: Pick<InfluxAccess, 'url' | 'token'>): Promise<string[]> {
  const headers = { authorization: `Token ${token}` };
  const answer = await fetch(`${url}/api/v2/buckets?limit=100`, { headers });
  const { buckets } = (await answer.json()) as { buckets: { name: string }[] };
  return buckets
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('_'))
    .sort();
}

/** Lines whose floats have last digits that matter, and of the other types. */
export function mixedLines(seconds: readonly number[]): string[] {
  return seconds.map((s, i) => {
    const values = `power=${Math.sqrt(s % 1000)},count=${i * 7919}i,on=${i % 3 === 0},state="s${i % 5} é"`;
    return `mixed,meter=m${i % 2} ${values} ${s}`;
  });
}
