import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exportInfluxBackup } from '../../../agent/backup/restore/influxdb2-export.ts';
import { readInfluxBackup } from '../../../agent/backup/restore/influxdb2-official.ts';
import { planRestore } from '../../../agent/influxdb/restore/plan.ts';
import { restoreBucket } from '../../../agent/influxdb/restore/restore-bucket.ts';
import { fill, secondsOf, write } from '../../influxdb/snapshot/filled-server.ts';
import { recorded, replay } from '../../influxdb/snapshot/recording.ts';
import { runProgram } from '../../support/child.ts';
import { requireInfluxCli } from '../../support/influx-cli.ts';
import { influxSnapshot, mixedLines, pointsOf, restoreServer, spoil } from '../../support/influx-snapshots.ts';
import { type InfluxAccess, requireInfluxd, startInfluxd } from '../../support/influxd.ts';
import { scriptedServer } from '../../support/scripted-server.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** A snapshot of what a server answered once, exported. */
async function exported() {
  const { url } = await scriptedServer(replay(recorded()));
  const snapshot = await influxSnapshot({ url, token: 'operator' });
  const directory = join(temporaryDirectory(), 'export');
  const result = await exportInfluxBackup(snapshot.reader, 'influxdb', directory);
  const file = (ending: string) => join(directory, `${result.baseName}${ending}`);
  return { snapshot, directory, result, file };
}

async function filled(): Promise<InfluxAccess> {
  const { url } = await startInfluxd();
  const { operator: token } = await fill(url);
  for (const day of [0, 1, 2]) await write(url, token, mixedLines(secondsOf(day, 1000)));
  return { url, token, org: 'home' };
}

/** Runs the official program. */
async function influx(program: string, { url, token }: InfluxAccess, ...args: string[]): Promise<void> {
  const [command = '', ...rest] = args;
  const child = runProgram(program, [command, '--host', url, '--token', token, ...rest]);
  expect(await child.ended, child.errors() + child.output()).toBe(0);
}

test('an export has the files and the manifest of influx backup, for its owner alone', async () => {
  const { directory, result, file } = await exported();
  const { baseName } = result;
  expect(baseName).toMatch(/^\d{8}T\d{6}Z$/);
  const endings = ['.1.tar.gz', '.2.tar.gz', '.3.tar.gz', '.bolt.gz', '.manifest', '.sqlite.gz'];
  expect(readdirSync(directory).sort()).toEqual(endings.map((ending) => baseName + ending));
  for (const ending of endings) expect(statSync(file(ending)).mode & 0o077).toBe(0);
  const manifest = JSON.parse(readFileSync(file('.manifest'), 'utf8'));
  expect(manifest).toMatchObject({
    manifestVersion: 2,
    kv: { fileName: `${baseName}.bolt.gz`, size: statSync(file('.bolt.gz')).size, compression: 1 },
    sql: { fileName: `${baseName}.sqlite.gz`, size: statSync(file('.sqlite.gz')).size, compression: 1 },
  });
  const energy = manifest.buckets.find((bucket: { bucketName: string }) => bucket.bucketName === 'energy');
  const shards = energy.retentionPolicies[0].shardGroups.flatMap((group: { shards: unknown[] }) => group.shards);
  expect(shards[1]).toMatchObject({
    id: 2,
    shardOwners: [],
    fileName: `${baseName}.2.tar.gz`,
    size: statSync(file('.2.tar.gz')).size,
    compression: 1,
  });
});

test('an export read again is what was in the snapshot', async () => {
  const { snapshot, directory } = await exported();
  const read = await readInfluxBackup(directory);
  const [before, after] = [await planRestore(snapshot.backup), await planRestore(read)];
  const byName = (plan: typeof before) => plan.buckets.toSorted((a, b) => (a.bucket < b.bucket ? -1 : 1));
  expect(byName(after).map((bucket) => ({ ...bucket, listed: 0 }))).toEqual(
    byName(before).map((bucket) => ({ ...bucket, listed: 0 })),
  );
  expect(after.hasDatabases).toBe(true);
  const [kept, again] = [await snapshot.backup.shard(2), await read.shard(2)];
  const bytes = async (content: AsyncIterable<Uint8Array>) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  expect(kept && again && (await bytes(again.tar(again.files))).equals(await bytes(kept.tar(kept.files)))).toBe(true);
  const database = read.database('kv');
  expect(database && (await bytes(database.content())).length).toBe(snapshot.backup.database('kv')?.bytes);
});

test.each([
  ['cut off', (path: string) => truncateSync(path, statSync(path).size - 10), 'bytes instead of'],
  ['empty', (path: string) => truncateSync(path, 0), 'bytes instead of'],
  ['gone', (path: string) => rmSync(path), 'is gone'],
  [
    'damaged',
    (path: string) => {
      const data = readFileSync(path);
      const middle = data.length >> 1;
      data[middle] = (data[middle] ?? 0) ^ 1;
      writeFileSync(path, data);
    },
    'damaged',
  ],
] as const)('a shard of an export that is %s is named', async (_how, harm, said) => {
  const { directory, file } = await exported();
  harm(file('.2.tar.gz'));
  const plan = await planRestore(await readInfluxBackup(directory));
  const energy = plan.buckets.find(({ bucket }) => bucket === 'energy');
  expect(energy).toMatchObject({ shards: 2, damaged: [expect.stringMatching(new RegExp(`2\\.tar\\.gz.*${said}`))] });
});

test('what is damaged in the snapshot is left out of an export when asked to', async () => {
  const { url } = await scriptedServer(replay(recorded()));
  const snapshot = await influxSnapshot({ url, token: 'operator' });
  const path = spoil(snapshot, /\/2\/[^/]*\.tsm$/, 'gone');
  const directory = () => join(temporaryDirectory(), 'export');
  await expect(exportInfluxBackup(snapshot.reader, 'influxdb', directory())).rejects.toThrow(path);
  const place = directory();
  const result = await exportInfluxBackup(snapshot.reader, 'influxdb', place, { skipDamaged: true });
  expect(result).toMatchObject({ shards: 2, damaged: [expect.stringContaining(path)] });
  const { buckets } = await planRestore(await readInfluxBackup(place));
  expect(buckets.find(({ bucket }) => bucket === 'energy')).toMatchObject({ shards: 2, damaged: [] });
});

test('a directory that is none, or not empty, is a sentence', async () => {
  const { snapshot, directory, file } = await exported();
  await expect(exportInfluxBackup(snapshot.reader, 'influxdb', directory)).rejects.toThrow('is not empty');
  await expect(readInfluxBackup(temporaryDirectory())).rejects.toThrow('there is no backup of InfluxDB 2 in');
  await expect(readInfluxBackup('/nowhere')).rejects.toThrow('/nowhere cannot be read');
  const text = readFileSync(file('.manifest'), 'utf8');
  const manifests = [
    ['{}', 'it has version undefined'],
    ['no', 'is no manifest'],
    [text.replace('"manifestVersion":2', '"manifestVersion":3'), 'it has version 3'],
    [text.replaceAll(/"fileName":"[^"]*2\.tar\.gz"/g, '"fileName":"../../etc/passwd"'), 'a shard has no file'],
  ];
  for (const [content = '', said = ''] of manifests) {
    const place = temporaryDirectory();
    writeFileSync(join(place, 'x.manifest'), content);
    await expect(readInfluxBackup(place)).rejects.toThrow(said);
  }
});

test('an export comes back into a server value for value', async (context) => {
  requireInfluxd(context);
  const access = await filled();
  const { reader } = await influxSnapshot(access);
  const directory = join(temporaryDirectory(), 'export');
  await exportInfluxBackup(reader, 'influxdb', directory);
  const backup = await readInfluxBackup(directory);
  const server = restoreServer(access);
  await restoreBucket({ server, backup, from: { bucket: 'energy' }, to: { bucket: 'restored' } });
  expect(await pointsOf(access, 'restored')).toEqual(await pointsOf(access, 'energy'));
});

test('influx restore takes our export', async (context) => {
  requireInfluxd(context);
  const program = requireInfluxCli(context);
  const access = await filled();
  const { reader } = await influxSnapshot(access);
  const directory = join(temporaryDirectory(), 'export');
  await exportInfluxBackup(reader, 'influxdb', directory);
  await influx(program, access, 'restore', directory, '--bucket', 'energy', '--new-bucket', 'theirs');
  expect(await pointsOf(access, 'theirs')).toEqual(await pointsOf(access, 'energy'));
});

test.for([
  'gzip',
  'none',
])('we restore what influx backup --compression %s has written', async (compression, context) => {
  requireInfluxd(context);
  const program = requireInfluxCli(context);
  const access = await filled();
  const directory = temporaryDirectory();
  await influx(program, access, 'backup', directory, '--compression', compression);
  const backup = await readInfluxBackup(directory);
  expect((await planRestore(backup)).hasDatabases).toBe(true);
  const server = restoreServer(access);
  await restoreBucket({ server, backup, from: { bucket: 'energy' }, to: { bucket: 'ours' } });
  expect(await pointsOf(access, 'ours')).toEqual(await pointsOf(access, 'energy'));
});
