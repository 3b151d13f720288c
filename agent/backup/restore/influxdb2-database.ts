import type { SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { type Comparison, compareBucket } from '../../influxdb/restore/compare.ts';
import type { InfluxBackup } from '../../influxdb/restore/influx-backup.ts';
import { planRestore } from '../../influxdb/restore/plan.ts';
import { type RestoredBucket, restoreBucket } from '../../influxdb/restore/restore-bucket.ts';
import type { RestoreServer } from '../../influxdb/restore/restore-server.ts';
import {
  lookBeforeWhole,
  type RestoredWhole,
  restoreWhole,
  type WholeLook,
} from '../../influxdb/restore/restore-whole.ts';
import { deleteBucket, findServerBucket, serverBucket } from '../../influxdb/restore/server-buckets.ts';
import type { Swapped } from '../../influxdb/restore/swap.ts';
import { firstPointOutside, isEmpty } from '../../influxdb/restore/tallies.ts';
import { AgentError } from '../../system/errors.ts';
import type { DatabaseRestoreOptions } from './database.ts';
import { DatabaseNote } from './database-note.ts';
import { type InPlace, putInPlace, SENT_BEFORE_MS } from './influxdb2-place.ts';
import { Influxdb2Target } from './influxdb2-target.ts';

/** An InfluxDB 2 as a backup holds it. */
export interface Influxdb2Kept {
  backup: InfluxBackup;
  /** Which backup, for a person. */
  label: string;
  /** Names it for the note of what is done. */
  key: string;
  sequence: number | undefined;
  /** UTC ms by the clock of the machine that made it; undefined of an official backup. */
  createdMs: number | undefined;
}

export interface BucketRestore {
  from: string;
  restored: RestoredBucket;
  /** With the live one of its name; undefined where there is none, or it has no points. */
  comparison: Comparison | undefined;
  /** UTC ms: from here on the live one has what this one has not, as by an import after the backup. */
  differsFromMs: number | undefined;
  /** Whether a run before this one, which was broken off, had brought it. */
  earlier: 'restored' | 'in place' | undefined;
  swapped: Swapped | undefined;
}

export interface Influxdb2Report {
  kind: 'influxdb2';
  label: string;
  createdMs: number | undefined;
  url: string;
  /** The operator token of a server that nobody had set up before. */
  firstSetup: string | undefined;
  buckets: BucketRestore[];
  /** Where it stands what an earlier run has done; undefined where none was broken off. */
  note: string | undefined;
  /** What came after the swap. */
  inPlace: InPlace | undefined;
  /** What a full restore would take away, or took. */
  loses: WholeLook['loses'] | undefined;
  whole: Omit<RestoredWhole, 'operatorToken'> | undefined;
}

/** Brings the InfluxDB 2 of a backup back: its buckets beside the live ones, or in their place, or the whole server. */
export async function restoreInfluxdb2(
  options: DatabaseRestoreOptions,
  sink: SinkConfig,
  kept: Influxdb2Kept,
): Promise<Influxdb2Report> {
  const target = new Influxdb2Target(sink, options);
  const { label, createdMs } = kept;
  const report: Influxdb2Report = {
    ...{ kind: 'influxdb2' as const, label, createdMs, url: sink.url, firstSetup: undefined, note: undefined },
    ...{ buckets: [], inPlace: undefined, loses: undefined, whole: undefined },
  };
  if (options.full) {
    await restoreAll(options, target, kept, report);
    return report;
  }
  const names = await wantedBuckets(options, kept.backup);
  const { key: backup, sequence } = kept;
  const note = options.swap ? DatabaseNote.open(options.config.stateDir, sink.name, { backup, sequence }) : undefined;
  if (options.swap) report.firstSetup = await target.setUpIfEmpty();
  const server = target.restoreServer();
  // All of them before the first is swapped: while tokens do not fit, readings wait.
  for (const name of names) report.buckets.push(await restoreOne(options, server, kept.backup, name, note));
  if (report.buckets.some(({ earlier }) => earlier === 'in place')) report.note = note?.path;
  if (note) report.inPlace = await putInPlace(options, { target, server, buckets: report.buckets, createdMs, note });
  return report;
}

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
  { toBucket, skipDamaged, onProgress }: DatabaseRestoreOptions,
  server: RestoreServer,
  backup: InfluxBackup,
  from: string,
  note: DatabaseNote | undefined,
): Promise<BucketRestore> {
  const name = toBucket ?? `${from}-restored`;
  const before = await broughtBefore(server, from, name, note);
  const restored =
    before?.restored ??
    (await restoreBucket({
      server,
      backup,
      from: { bucket: from },
      to: { bucket: name },
      skipDamaged,
      onMade: (id) => note?.put(from, { id }),
      onProgress: (progress) => onProgress?.(`${from} to ${name}`, progress),
    }));
  const earlier = before?.earlier;
  if (earlier === 'in place') {
    const differsFromMs = note?.bucket(from)?.differsFromMs;
    return { from, restored, comparison: undefined, differsFromMs, earlier, swapped: undefined };
  }
  if (!before) note?.put(from, { id: restored.id, restored });
  const { comparison, differsFromMs } = await compared(server, from, restored);
  note?.put(from, { id: restored.id, restored, differsFromMs });
  return { from, restored, comparison, differsFromMs, earlier, swapped: undefined };
}

/** What a run that was broken off has brought, and is there; what it had only begun is removed. */
async function broughtBefore(
  server: RestoreServer,
  from: string,
  name: string,
  note: DatabaseNote | undefined,
): Promise<{ restored: RestoredBucket; earlier: 'restored' | 'in place' } | undefined> {
  const noted = note?.bucket(from);
  const there = noted && (await serverBucket(server, noted.id));
  if (!there || (there.name !== name && there.name !== from)) return undefined;
  if (noted.restored) return { restored: noted.restored, earlier: there.name === name ? 'restored' : 'in place' };
  await deleteBucket(server, there);
  return undefined;
}

async function compared(
  server: RestoreServer,
  from: string,
  { org, orgId, bucket, spans }: RestoredBucket,
): Promise<Pick<BucketRestore, 'comparison' | 'differsFromMs'>> {
  const live = await findServerBucket(server, orgId, from);
  if (!live || (await isEmpty(server, orgId, live.id))) return { comparison: undefined, differsFromMs: undefined };
  const comparison = await compareBucket({ server, org, expected: from, bucket, spans });
  const outsideMs = await firstPointOutside(server, orgId, live.id, spans);
  const fromMs = Math.min(...[comparison.differsFromMs, outsideMs].map((ms) => ms ?? Number.POSITIVE_INFINITY));
  return { comparison, differsFromMs: Number.isFinite(fromMs) ? fromMs : undefined };
}

async function restoreAll(
  { yes, operatorTokenFile, config, sendAgain, skipDamaged, onProgress }: DatabaseRestoreOptions,
  target: Influxdb2Target,
  { backup, createdMs }: Influxdb2Kept,
  report: Influxdb2Report,
): Promise<void> {
  const server = target.restoreServer();
  const { sink } = target;
  report.loses = (await lookBeforeWhole(server, backup)).loses;
  if (!yes) return;
  // That of the server that was backed up: from then on it is this one's.
  const named = config.backup?.databases.find((database) => database.sink === sink.name)?.operatorTokenFile;
  const { token } = sinkAddress(sink, named ?? operatorTokenFile);
  const { operatorToken: _, ...whole } = await restoreWhole({
    server,
    backup,
    operatorToken: token,
    skipDamaged,
    onProgress: (progress) => onProgress?.('the whole server', progress),
  });
  report.whole = whole;
  const sentAgainFromMs = Math.max(0, (createdMs ?? 0) - SENT_BEFORE_MS);
  sendAgain(sentAgainFromMs);
  report.inPlace = { sentAgainFromMs, tokens: undefined, bound: [], credential: undefined, problem: undefined };
}
