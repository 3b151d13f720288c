import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InfluxAddress } from '../../influxdb/client.ts';
import { type Comparison, compareTallies } from '../../influxdb/restore/compare.ts';
import { Influxdb1Server, type Influxdb1Shard } from '../../influxdb/restore/influxdb1-server.ts';
import { storageError } from '../../journal/database.ts';
import { AgentError, messageOf } from '../../system/errors.ts';
import type { Logger } from '../../system/logging.ts';
import { DamagedContent, type SnapshotReader } from '../snapshot-reader.ts';
import { checkInfluxd, type InfluxdOptions } from '../sources/influxd-program.ts';
import { directoryOf } from '../sources/influxdb1.ts';
import { type RebuiltInfluxdb1, rebuildInfluxdb1 } from '../sources/influxdb1-rebuild.ts';
import { influxdb1Databases, notInSnapshot } from './database-kind.ts';
import { DatabaseTaken, restoreFrom, taken } from './influxd-restore.ts';

/** Without a line of output, which comes with each shard. */
const SILENCE_MS = 300_000;
const SPARE_BYTES = 64e6;
/** Opening a shard of a month takes seconds on a Pi. */
const OPENING_MS = 20_000;
const LOOK_MS = 250;
const DIRECTORY = 'influxdb1-restore';
/** What is being restored, where: a run that was killed has left that database unfinished. */
const UNFINISHED = 'influxdb1-restore.json';
const SCRATCH = /^energy_monitor_scratch_[0-9a-f]{16}$/;

export interface Influxdb1Place {
  /** Of the HTTP API, with `user:password` of an admin as its token where the server asks for one. */
  address: InfluxAddress;
  timeoutMs: number;
}

export interface Influxdb1RestoreOptions extends Influxdb1Place {
  snapshot: SnapshotReader;
  /** Such as `databases/influxdb`. */
  sourceName: string;
  database: string;
  /** Under this name, by default `DATABASE_restored`; the same one where the server has no such database. */
  newDatabase?: string | 'scratch' | undefined;
  /** influxd of InfluxDB 1.x, and where the server's RPC listens. */
  program: string;
  host: string;
  port: number;
  /** The files are put together in a directory of its own there, and go again. */
  stateDir: string;
  silenceMs?: number;
  /** UTC ms: of days that end later, the live database may have more. */
  goesOnFromMs?: number | undefined;
  /** So long the server may take to open the shards when all were sent. */
  openingMs?: number;
  /** Whether to go on without TSM files that cannot be read. */
  skipDamaged: boolean;
  log: Logger;
  onProgress?: ((progress: { doneBytes: number; allBytes: number }) => void) | undefined;
  /** UTC ms. */
  nowMs?: number;
}

export interface Influxdb1RestoreReport {
  url: string;
  database: string;
  newDatabase: string;
  /** Shards, TSM files and their bytes that came. */
  shards: number;
  files: number;
  bytes: number;
  /** That can be read from it: points times fields. */
  values: number;
  /** With the live database of the name; undefined where there is none. */
  comparison: Comparison | undefined;
  /** What cannot be read, a sentence each. */
  damaged: string[];
  /** For a person, a sentence each. */
  notes: string[];
}

/**
 * Brings one database of an InfluxDB 1.8 back under a name that is free, with `influxd restore -portable`. Its files are put
 * together on the disk first, one after the other. Afterwards the server is asked which files it has.
 *
 * What fails takes back what it made, unless it has the name of the live database: others may have written to that.
 * @throws AgentError with a remedy; DamagedContent, which names what cannot be read
 */
export async function restoreInfluxdb1(options: Influxdb1RestoreOptions): Promise<Influxdb1RestoreReport> {
  const { snapshot, sourceName, database, stateDir, log } = options;
  const newDatabase = nameOf(options);
  if (!influxdb1Databases(snapshot, sourceName).includes(database)) throw absent(options);
  const server = new Influxdb1Server(options.address, options.timeoutMs);
  const version = await server.version();
  const influxd: InfluxdOptions = { ...options, silenceMs: options.silenceMs ?? SILENCE_MS };
  await checkInfluxd(influxd);
  const mark = join(stateDir, UNFINISHED);
  await makeFree(server, newDatabase, database, mark);
  const directory = join(stateDir, DIRECTORY);
  requireRoom(options);
  try {
    const rebuilt = await rebuild(options, directory);
    writeFileSync(mark, JSON.stringify({ url: server.url, database: newDatabase }), { mode: 0o600 });
    log.debug({ version, newDatabase }, 'influxd restore');
    try {
      await restoreFrom(directory, database, newDatabase, influxd);
      const report = await look(options, server, newDatabase, rebuilt);
      rmSync(mark, { force: true });
      return report;
    } catch (error) {
      if (error instanceof DatabaseTaken) rmSync(mark, { force: true });
      else if (newDatabase !== database) await undo(server, newDatabase, mark, log);
      throw error;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Removes what a restore with `newDatabase: 'scratch'` has made, and nothing else. @param database of its report */
export async function removeScratchInfluxdb1({ address, timeoutMs }: Influxdb1Place, database: string): Promise<void> {
  if (!SCRATCH.test(database)) {
    throw new AgentError('internal', `${database} is no database of a trial, so it stays`);
  }
  await new Influxdb1Server(address, timeoutMs).drop(database);
}

/** Removes what trials have left that were killed. Not while another one runs. @returns how many */
export async function removeLeftScratchInfluxdb1(place: Influxdb1Place): Promise<number> {
  const names = await new Influxdb1Server(place.address, place.timeoutMs).databases();
  const left = names.filter((name) => SCRATCH.test(name));
  for (const name of left) await removeScratchInfluxdb1(place, name);
  return left.length;
}

function nameOf({ database, newDatabase = `${database}_restored` }: Influxdb1RestoreOptions): string {
  return newDatabase === 'scratch' ? `energy_monitor_scratch_${randomBytes(8).toString('hex')}` : newDatabase;
}

/** @throws AgentError where the name is taken by anything but what a killed run has left */
async function makeFree(server: Influxdb1Server, name: string, database: string, mark: string): Promise<void> {
  if (!(await server.databases()).includes(name)) return;
  if (!isUnfinished(mark, server.url, name)) throw taken(name, server.url);
  if (name === database) {
    throw new AgentError('config', `${name} in ${server.url} is what a restore has left that was broken off`, {
      hint: `what was written to it since is in the journal: remove it with DROP DATABASE "${name}", and run it again`,
    });
  }
  await server.drop(name);
}

function isUnfinished(mark: string, url: string, database: string): boolean {
  try {
    const left = JSON.parse(readFileSync(mark, 'utf8')) as { url?: unknown; database?: unknown };
    return left.url === url && left.database === database;
  } catch {
    return false;
  }
}

function filesOf({ snapshot, sourceName, database }: Influxdb1RestoreOptions) {
  return snapshot.files(`${directoryOf(sourceName, database)}/`);
}

function requireRoom(options: Influxdb1RestoreOptions): void {
  const { stateDir, database } = options;
  if (!existsSync(stateDir)) mkdirSync(stateDir, { recursive: true });
  const neededBytes = SPARE_BYTES + filesOf(options).reduce((sum, { bytes }) => sum + bytes, 0);
  const { bavail, bsize } = statfsSync(stateDir);
  if (bavail * bsize >= neededBytes) return;
  throw new AgentError('storage', `${stateDir} has no room for the files of ${database}`, {
    hint: `make ${Math.ceil(neededBytes / 1e6)} MB free there, and as much for the server where that is the same disk`,
  });
}

async function rebuild(options: Influxdb1RestoreOptions, directory: string): Promise<RebuiltInfluxdb1> {
  const { snapshot, sourceName, database, skipDamaged, onProgress } = options;
  const allBytes = filesOf(options).reduce((sum, { bytes }) => sum + bytes, 0);
  let doneBytes = 0;
  const read = async function* (path: string) {
    const file = snapshot.file(path);
    if (!file) {
      throw new DamagedContent('storage', `${path} is not in backup ${snapshot.manifest.sequence}`, {
        hint: 'use another backup',
      });
    }
    for await (const piece of snapshot.content(file)) {
      doneBytes += piece.length;
      onProgress?.({ doneBytes, allBytes });
      yield piece;
    }
  };
  // Also what a run has left that was killed.
  rmSync(directory, { recursive: true, force: true });
  try {
    const isDamage = (error: unknown) => skipDamaged && error instanceof DamagedContent;
    return await rebuildInfluxdb1(sourceName, database, read, directory, isDamage);
  } catch (error) {
    throw error instanceof AgentError ? error : storageError(directory, error);
  }
}

async function look(
  { snapshot, database, openingMs = OPENING_MS, goesOnFromMs, nowMs = Date.now() }: Influxdb1RestoreOptions,
  server: Influxdb1Server,
  newDatabase: string,
  { shards: sent, damaged }: RebuiltInfluxdb1,
): Promise<Influxdb1RestoreReport> {
  const there = await settledFiles(server, newDatabase, sent, openingMs);
  if (there.length < sent.length) {
    throw new AgentError('unavailable', `${server.url} kept ${there.length} of ${sent.length} shards of ${database}`, {
      retryable: true,
      hint: 'see its log; its disk may be full; run it again',
    });
  }
  const shards = await server.shards(newDatabase);
  const restored = server.tallies(newDatabase, policiesOf(shards));
  const isLive = newDatabase !== database && (await server.databases()).includes(database);
  const live = isLive
    ? server.tallies(database, policiesOf([...(await server.shards(database)), ...shards]))
    : async () => new Map();
  const comparison = await compareTallies(live, restored, shards, { goesOnFromMs });
  const notes = expiryNotes(shards, nowMs);
  if (!isSameFiles(sent, there)) {
    notes.push('the server has other files than were sent, as after a compaction: compare the points');
  }
  return {
    url: server.url,
    database,
    newDatabase,
    shards: sent.length,
    files: sent.reduce((sum, { files }) => sum + files, 0),
    bytes: sent.reduce((sum, { bytes }) => sum + bytes, 0),
    values: comparison.rightCount,
    comparison: isLive ? comparison : undefined,
    damaged: [...snapshot.lost, ...damaged.map(messageOf)],
    notes,
  };
}

/** influxd is done when it has sent all: the server still opens the last shards then. */
async function settledFiles(
  server: Influxdb1Server,
  database: string,
  sent: RebuiltInfluxdb1['shards'],
  openingMs: number,
) {
  let wasThere = false;
  for (let leftMs = openingMs; ; leftMs -= LOOK_MS) {
    const there = await server.files(database);
    const isThere = isSameFiles(sent, there);
    if ((isThere && wasThere) || leftMs <= 0) return there;
    wasThere = isThere;
    await sleep(LOOK_MS);
  }
}

const policiesOf = (shards: readonly Influxdb1Shard[]) => [...new Set(shards.map(({ policy }) => policy))];

function isSameFiles(sent: RebuiltInfluxdb1['shards'], there: RebuiltInfluxdb1['shards']): boolean {
  const text = (shards: RebuiltInfluxdb1['shards']) =>
    shards
      .map(({ policy, files, bytes }) => `${policy} ${files} ${bytes}`)
      .sort()
      .join('\n');
  return text(sent) === text(there);
}

/** Of points that will not stay. */
function expiryNotes(shards: readonly Influxdb1Shard[], nowMs: number): string[] {
  const expired = shards.filter(({ expiresMs }) => expiresMs !== undefined && expiresMs < nowMs).length;
  if (expired === 0) return [];
  return [
    `${expired} shards are older than their retention policy keeps: InfluxDB deletes them within half an hour, unless its duration is made longer with ALTER RETENTION POLICY`,
  ];
}

async function undo(server: Influxdb1Server, database: string, mark: string, log: Logger): Promise<void> {
  try {
    await server.drop(database);
    rmSync(mark, { force: true });
  } catch (error) {
    log.warn({ database, reason: messageOf(error) }, 'an unfinished database stays; the next restore removes it');
  }
}

function absent({ snapshot, sourceName, database }: Influxdb1RestoreOptions): AgentError {
  const there = influxdb1Databases(snapshot, sourceName);
  if (there.length === 0) return notInSnapshot(snapshot, sourceName, 'influxdb1');
  const label = `${sourceName} of backup ${snapshot.manifest.sequence}`;
  return new AgentError('usage', `${label} has no database ${database}`, { hint: `it has: ${there.join(', ')}` });
}
