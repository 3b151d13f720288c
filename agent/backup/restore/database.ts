import { join } from 'node:path';
import type { StoreConfig } from '../../config/backup-schema.ts';
import type { Config, SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { type Comparison, compareBucket } from '../../influxdb/restore/compare.ts';
import type { InfluxBackup } from '../../influxdb/restore/influx-backup.ts';
import { planRestore } from '../../influxdb/restore/plan.ts';
import { type RestoredBucket, restoreBucket } from '../../influxdb/restore/restore-bucket.ts';
import { RestoreServer } from '../../influxdb/restore/restore-server.ts';
import {
  lookBeforeWhole,
  type RestoredWhole,
  restoreWhole,
  type WholeLook,
} from '../../influxdb/restore/restore-whole.ts';
import type { Progress } from '../../influxdb/restore/send-shards.ts';
import { findOrg, findServerBucket } from '../../influxdb/restore/server-buckets.ts';
import { type Swapped, swapBuckets } from '../../influxdb/restore/swap.ts';
import { AgentError } from '../../system/errors.ts';
import { KernelLock } from '../../system/kernel-lock.ts';
import type { Logger } from '../../system/logging.ts';
import { snapshotInflux } from './influxdb2.ts';
import { readInfluxBackup } from './influxdb2-official.ts';
import { openSnapshot } from './restore.ts';

/** A request is tried again for so long; between the two renames of a swap it counts as well. */
const PATIENCE_MS = 20_000;

export interface DatabaseRestoreOptions {
  config: Config;
  store: StoreConfig | undefined;
  /** Its sequence, or `latest`. */
  which: string;
  /** Instead of a backup of ours: a directory that `influx backup` wrote. */
  influxBackup: string | undefined;
  identityFile: string | undefined;
  /** Name of the server in `influxdb`, of this configuration and of the backup. */
  sink: string;
  /** Only this bucket. */
  bucket: string | undefined;
  /** Under this name; by default `BUCKET-restored`. */
  toBucket: string | undefined;
  /** Let the restored ones take the names of the live ones. */
  swap: boolean;
  /** Instead: everything in the server, users and tokens as well. */
  full: boolean;
  /** With `full`: yes, what is there goes. */
  yes: boolean;
  /** Of the server as it is now, where that is another token than the one that the configuration names for backups. */
  operatorTokenFile: string | undefined;
  skipDamaged: boolean;
  log: Logger;
  onProgress?: (what: string, progress: Progress) => void;
}

export interface BucketRestore {
  from: string;
  restored: RestoredBucket;
  /** With the live one of its name; undefined where there is none. */
  comparison: Comparison | undefined;
  swapped: Swapped | undefined;
}

export interface DatabaseRestoreReport {
  /** Which backup, for a person. */
  label: string;
  /** UTC ms by the clock of the machine that made it; undefined of an official backup. */
  createdMs: number | undefined;
  url: string;
  buckets: BucketRestore[];
  /** What a full restore would take away, or took. */
  loses: WholeLook['loses'] | undefined;
  whole: Omit<RestoredWhole, 'operatorToken'> | undefined;
}

/**
 * Brings the InfluxDB 2 of a backup back: its buckets beside the live ones, or in their place, or the whole server.
 * @throws AgentError with a remedy; `locked` while another restore of this machine runs
 */
export async function restoreDatabase(options: DatabaseRestoreOptions): Promise<DatabaseRestoreReport> {
  const { config } = options;
  const server = serverOf(options);
  const lock = KernelLock.acquire(join(config.stateDir, 'restore.lock'));
  if (!lock) throw new AgentError('locked', 'another restore of this machine is running', { hint: 'wait for it' });
  try {
    const { backup, label, createdMs } = await openBackup(options);
    const report: DatabaseRestoreReport = {
      label,
      createdMs,
      url: server.url,
      buckets: [],
      loses: undefined,
      whole: undefined,
    };
    if (options.full) await restoreAll(options, server, backup, report);
    else
      for (const name of await wantedBuckets(options, backup))
        report.buckets.push(await restoreOne(options, server, backup, name));
    return report;
  } finally {
    lock.release();
  }
}

async function openBackup(
  options: DatabaseRestoreOptions,
): Promise<{ backup: InfluxBackup; label: string; createdMs: number | undefined }> {
  const { influxBackup, sink, config, store } = options;
  if (influxBackup !== undefined) {
    const backup = await readInfluxBackup(influxBackup);
    return { backup, label: backup.label, createdMs: undefined };
  }
  if (!store)
    throw new AgentError('usage', 'it is not said from where to restore', { hint: 'name the place with --from' });
  const { snapshot } = await openSnapshot({ ...options, store, stateDir: config.stateDir });
  const backup = await snapshotInflux(snapshot, `databases/${sink}`);
  const { sequence, createdMs } = snapshot.manifest;
  return { backup, label: `backup ${sequence}, made ${new Date(createdMs).toISOString()}`, createdMs };
}

function serverOf({ config, sink, operatorTokenFile, log }: DatabaseRestoreOptions): RestoreServer {
  const found = sinkNamed(config, sink);
  const file = operatorTokenFile ?? tokenFileOf(config, sink);
  if (file === undefined) {
    throw new AgentError('usage', `restoring ${sink} needs the operator token of its InfluxDB 2`, {
      hint: 'name its file with --operator-token-file',
    });
  }
  return new RestoreServer({
    address: sinkAddress(found, file),
    timeoutMs: found.timeout,
    patienceMs: PATIENCE_MS,
    log,
  });
}

function sinkNamed({ influxdb }: Config, name: string): SinkConfig {
  const sink = influxdb.find((one) => one.name === name);
  if (sink) return sink;
  throw new AgentError('usage', `there is no server ${name} in influxdb of the configuration`, {
    hint: influxdb.length === 0 ? 'name it there first' : `there is ${influxdb.map((one) => one.name).join(', ')}`,
  });
}

const tokenFileOf = ({ backup }: Config, sink: string) =>
  backup?.databases.find((database) => database.sink === sink)?.operatorTokenFile;

async function wantedBuckets({ bucket, toBucket }: DatabaseRestoreOptions, backup: InfluxBackup): Promise<string[]> {
  if (bucket !== undefined) return [bucket];
  const { buckets } = await planRestore(backup);
  const names = buckets.filter(({ shards }) => shards > 0).map((one) => one.bucket);
  if (toBucket === undefined || names.length === 1) return names;
  throw new AgentError('usage', `--to-bucket is for one bucket, and the backup has ${names.length}`, {
    hint: `name one of them with --bucket: ${names.join(', ')}`,
  });
}

async function restoreOne(
  { toBucket, swap, skipDamaged, onProgress }: DatabaseRestoreOptions,
  server: RestoreServer,
  backup: InfluxBackup,
  from: string,
): Promise<BucketRestore> {
  const name = toBucket ?? `${from}-restored`;
  const restored = await restoreBucket({
    server,
    backup,
    from: { bucket: from },
    to: { bucket: name },
    skipDamaged,
    onProgress: (progress) => onProgress?.(`${from} to ${name}`, progress),
  });
  const { org, spans } = restored;
  const orgId = await findOrg(server, org);
  const live = orgId === undefined ? undefined : await findServerBucket(server, orgId, from);
  const comparison = live && (await compareBucket({ server, org, expected: from, bucket: name, spans }));
  const swapped = swap ? await swapBuckets({ server, org, live: from, restored: name, nowMs: Date.now() }) : undefined;
  return { from, restored, comparison, swapped };
}

async function restoreAll(
  { yes, operatorTokenFile, config, sink, skipDamaged, onProgress }: DatabaseRestoreOptions,
  server: RestoreServer,
  backup: InfluxBackup,
  report: DatabaseRestoreReport,
): Promise<void> {
  report.loses = (await lookBeforeWhole(server, backup)).loses;
  if (!yes) return;
  // That of the server that was backed up: from then on it is this one's.
  const { token } = sinkAddress(sinkNamed(config, sink), tokenFileOf(config, sink) ?? operatorTokenFile);
  const { operatorToken: _, ...whole } = await restoreWhole({
    server,
    backup,
    operatorToken: token,
    skipDamaged,
    onProgress: (progress) => onProgress?.('the whole server', progress),
  });
  report.whole = whole;
}
