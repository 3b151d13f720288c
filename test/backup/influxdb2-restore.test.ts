import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { decodeShardManifest, shardTar } from '../../agent/influxdb/snapshot/shard-manifest.ts';
import { fill, linesOf, secondsOf, write } from '../influxdb/snapshot/filled-server.ts';
import { backUp, contents, newKeys, openRepository } from '../support/backups.ts';
import { fillJournal } from '../support/forwarding.ts';
import { flux, type InfluxAccess, requireInfluxd, setUp, startInfluxd } from '../support/influxd.ts';
import { influxdb2Source, type Taken, takeSource } from '../support/source-files.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Every point of a bucket with all its digits. */
async function points(access: InfluxAccess, bucket: string): Promise<string[]> {
  const rows = await flux(access, `from(bucket: "${bucket}") |> range(start: 0, stop: 2100-01-01T00:00:00Z)`);
  return rows.map((row) => [row._measurement, row.meter, row._field, row._time, row._value].join(' ')).sort();
}

/** Floats whose last digits matter, and the other types. */
function mixedLines(day: number): string[] {
  return secondsOf(day, 4000).map((s, i) => {
    const values = `power=${Math.sqrt(i + day)},count=${i * 7919 + day}i,on=${i % 3 === 0},state="s${i % 5} é"`;
    return `mixed,meter=m${i % 2} ${values} ${s}`;
  });
}

/** What a restore does, over HTTP: the bucket under another name, then each shard with a tar that is made again. */
async function restore(
  { url, token }: InfluxAccess,
  files: Map<string, Buffer>,
  from: string,
  to: string,
): Promise<void> {
  const headers = { authorization: `Token ${token}` };
  const content = (path: string) => files.get(path) ?? Buffer.alloc(0);
  const found = await fetch(`${url}/api/v2/orgs`, { headers });
  const [org] = ((await found.json()) as { orgs: { id: string; name: string }[] }).orgs;
  const manifests = JSON.parse(content('influxdb/buckets.json').toString()) as { bucketName: string }[];
  const manifest = manifests.find(({ bucketName }) => bucketName === from);
  const answer = await fetch(`${url}/api/v2/restore/bucketMetadata`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ ...manifest, organizationID: org?.id, organizationName: org?.name, bucketName: to }),
  });
  expect(answer.status).toBe(201);
  const { shardMappings } = (await answer.json()) as { shardMappings: { oldId: number; newId: number }[] };
  for (const { oldId, newId } of shardMappings) {
    const own = `influxdb/shards/${oldId}/`;
    const list = files.get(`${own}shard.json`);
    if (!list) continue;
    const pieces: Uint8Array[] = [];
    for await (const piece of shardTar(decodeShardManifest(list), (path) => [content(`${own}${path}`)]))
      pieces.push(piece);
    const sent = await fetch(`${url}/api/v2/restore/shards/${newId}`, {
      method: 'POST',
      headers,
      body: Buffer.concat(pieces),
    });
    expect(sent.ok).toBe(true);
  }
}

test('what was backed up in parts is restored into a new server value for value', async (context) => {
  requireInfluxd(context);
  const { url } = await startInfluxd();
  const { operator: token } = await fill(url);
  const keys = await newKeys();
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsOf(0));
  const store = await DirectoryStore.open(temporaryDirectory());
  const sources = [influxdb2Source(url, token)];
  const run = () => backUp(stateDir, store, { sources, recipients: [keys.recipient] });
  for (const day of [0, 1, 2, 3]) await write(url, token, mixedLines(day));
  expect(await run()).toMatchObject({ verified: true, missing: [] });
  // Into a shard that is there, and into a new one; some of it over what was.
  await write(url, token, [...linesOf(secondsOf(1, 30), 'late'), ...mixedLines(3).slice(0, 100), ...mixedLines(4)]);
  const changed = await run();
  expect(changed).toMatchObject({ verified: true, missing: [] });
  const unchanged = await run();
  expect(unchanged).toMatchObject({ verified: true, missing: [], files: changed.files });
  expect(unchanged.sentBytes).toBeLessThan(100_000);
  const access = { url, token, org: 'home' };
  const wanted = await points(access, 'energy');
  expect(wanted.length).toBe(5 * 4000 * 4 + 60 + 30);

  const other = await startInfluxd();
  const fresh = await setUp(other.url);
  const files = await contents(await openRepository(store, keys), unchanged.name);
  await restore(fresh, files, 'energy', 'restored');
  expect(await points(fresh, 'restored')).toEqual(wanted);
});

test('a server that is killed and started again in the middle of a backup takes nothing away', async (context) => {
  requireInfluxd(context);
  const influxd = await startInfluxd();
  const { operator: token } = await fill(influxd.url);
  const whole = await takeSource(influxdb2Source(influxd.url, token));
  for (const at of ['buckets.json', 'shards/1/', 'shards/2/', 'shards/3/shard.json']) {
    const source = influxdb2Source(influxd.url, token, { patienceMs: 60_000 });
    let started: Promise<void> | undefined;
    const killing = {
      name: source.name,
      files: async function* (before: Parameters<typeof source.files>[0]) {
        for await (const file of source.files(before)) {
          if (file.path.includes(at) && !started) {
            await influxd.end('SIGKILL');
            started = influxd.start();
          }
          yield file;
        }
      },
    };
    const now = await takeSource(killing, undefined, 3);
    await started;
    const shards = ({ files }: Taken) => [...files].filter(([path]) => path.includes('/shards/'));
    expect(shards(now)).toEqual(shards(whole));
  }
});
