import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../agent/config/load.ts';
import { Cursors } from '../../agent/journal/cursors.ts';
import { openForReading, openForWriting } from '../../agent/journal/database.ts';
import { Importer } from '../../agent/journal/importer.ts';
import { firstKeyAt, timeOfKey } from '../../agent/journal/keys.ts';
import { newKeys } from '../support/backups.ts';
import { finished } from '../support/child.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { fillJournal, forward, journalPoints, secondsFrom } from '../support/forwarding.ts';
import { bucketNames } from '../support/influx-snapshots.ts';
import { type InfluxAccess, influxPoints, requireInfluxd, setUp, startInfluxd } from '../support/influxd.ts';
import { open } from '../support/open-journal.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIRST_S = 1_772_323_200;
const WAIT = { timeout: 20_000, interval: 100 };

async function write({ url, token }: InfluxAccess, fromS: number, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) => `energy,meter=house voltage=${230 + (i % 5)} ${fromS + i}000`);
  const response = await fetch(`${url}/api/v2/write?org=home&bucket=energy&precision=ms`, {
    method: 'POST',
    headers: { authorization: `Token ${token}` },
    body: lines.join('\n'),
  });
  expect(response.status).toBe(204);
}

const secret = (file: string) => readFileSync(file, 'utf8').trim();

async function writes({ url, token }: InfluxAccess, bucket: string): Promise<number> {
  const headers = { authorization: `Token ${token}` };
  const address = `${url}/api/v2/write?org=home&bucket=${bucket}`;
  return (await fetch(address, { method: 'POST', headers, body: 'energy,meter=house x=1 1' })).status;
}

function setCursors(stateDir: string, timeMs: number): void {
  const db = openForWriting(stateDir);
  for (const consumer of ['influxdb', 'influxdb/host'])
    new Cursors(db).set(consumer, { key: firstKeyAt(timeMs), late: 0 });
  db.close();
}

/** UTC ms by consumer. */
function cursorTimes(stateDir: string): Record<string, number> {
  const db = openForReading(stateDir);
  const all = new Cursors(db).all().map(({ consumer, key }) => [consumer, timeOfKey(key)]);
  db.close();
  return Object.fromEntries(all) as Record<string, number>;
}

/** A Pi with a journal, an InfluxDB with 100 points in it, and a backup of both. */
async function backedUp() {
  const server = await startInfluxd();
  const access = await setUp(server.url);
  await write(access, FIRST_S, 100);
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  const keys = await newKeys();
  writeFileSync(path('key'), keys.identity);
  writeFileSync(path('operator'), access.token, { mode: 0o600 });
  const configure = (name: string, url: string) => {
    const backup = {
      recipient: keys.recipient,
      stores: [{ directory: path('place') }],
      databases: [{ operatorTokenFile: path('operator') }],
    };
    const influxdb = { url, tokenFile: path('writer') };
    const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
    writeFileSync(path(name), JSON.stringify({ stateDir: path('state'), meters, influxdb, backup }));
    return path(name);
  };
  const config = configure('config', access.url);
  fillJournal(path('state'), secondsFrom(FIRST_S, 100));
  expect(await finished(['backup', 'run', '--config', config])).toMatchObject({ code: 0, err: '' });
  const restore = (...args: string[]) =>
    finished(['restore-influxdb', ...args, '--identity-file', path('key'), '--config', config]);
  return { access, restore, path, configure };
}

test('a bucket beside the live one, compared; then in its place, and the journal sends what came after', async (context) => {
  requireInfluxd(context);
  const { access, restore, path } = await backedUp();
  // Where they are the same, what can be missing is what came shortly before the backup.
  setCursors(path('state'), Date.now());
  expect(await restore('--bucket', 'energy', '--to-bucket', 'first', '--swap')).toMatchObject({ code: 0 });
  for (const timeMs of Object.values(cursorTimes(path('state')))) {
    expect(Date.now() - timeMs).toBeGreaterThan(3_600_000);
    expect(Date.now() - timeMs).toBeLessThan(3 * 3_600_000);
  }

  await write(access, FIRST_S + 1000, 50);
  const beside = await restore();
  expect(beside).toMatchObject({ code: 0, err: '' });
  expect(beside.out).toMatch(/^energy as energy-restored: 1 shards, .* MB, 100 values$/m);
  expect(beside.out).toMatch(/beside the live energy: 1 days of fields, 1 differ \(150 values there, 100 here\)/);
  expect((await influxPoints(access, 'energy')).size).toBe(150);
  expect((await influxPoints(access, 'energy-restored')).size).toBe(100);
  // A name that is taken is not written to.
  expect(await restore()).toMatchObject({ code: 78, err: expect.stringMatching(/energy-restored .* already/) });

  setCursors(path('state'), Date.now());
  const swapped = await restore('--bucket', 'energy', '--to-bucket', 'second', '--swap');
  expect(swapped).toMatchObject({ code: 0, err: '' });
  expect(swapped.out).toMatch(/it is energy now; what was there is energy-replaced-\d{8}T\d{6}$/m);
  expect(swapped.out).toMatch(
    /the agent's token is in \S+writer, Grafana's, which only reads, in \S+influxdb-reader.token/,
  );
  expect((await influxPoints(access, 'energy')).size).toBe(100);
  const replaced = /energy-replaced-\w+/.exec(swapped.out)?.[0] ?? '';
  expect((await influxPoints(access, replaced)).size).toBe(150);
  expect(await writes({ ...access, token: secret(path('writer')) }, 'energy')).toBe(204);
  expect(await writes({ ...access, token: secret(path('influxdb-reader.token')) }, 'energy')).toBe(403);
  expect(Object.keys(cursorTimes(path('state')))).toEqual(['influxdb', 'influxdb/host']);
  // From the first day of which the one that was live has something else: by its time alone nobody knows when it came.
  for (const timeMs of Object.values(cursorTimes(path('state')))) expect(timeMs).toBe(FIRST_S * 1000 - 1);
});

/** A Pi whose readings go to its InfluxDB all the time; a backup of both; the readings that come after it. */
async function readingAllTheTime() {
  const server = await startInfluxd();
  const proxy = await FaultProxy.start(server.url);
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  const databases = [{ operatorTokenFile: path('influxdb-operator.token') }];
  const backup = { unencrypted: true, stores: [{ directory: path('place') }], databases };
  const influxdb = { url: proxy.url, tokenFile: path('influxdb.token') };
  writeFileSync(path('config'), JSON.stringify({ stateDir: path('state'), meters, influxdb, backup }));
  const run = (...args: string[]) => finished([...args, '--config', path('config')]);
  expect(await run('influxdb', 'setup')).toMatchObject({ code: 0, err: '' });
  const access = { url: server.url, token: secret(path('influxdb-operator.token')), org: 'home' };
  const firstS = Math.floor(Date.now() / 1000) - 86_400;
  fillJournal(path('state'), secondsFrom(firstS, 300));
  const { log, lines } = recordingLog();
  const sinks = loadConfig(path('config')).influxdb.map((sink) => ({ ...sink, batchInterval: 10 }));
  forward(path('state'), sinks, { log });
  const stored = async () =>
    new Map([...(await influxPoints(access, 'energy')), ...(await influxPoints(access, 'host'))]);
  const all = () => expect.poll(stored, WAIT).toEqual(journalPoints(path('state')));
  await all();
  expect(await run('backup', 'run')).toMatchObject({ code: 0, err: '' });
  const journal = open(path('state'));
  let second = firstS + 86_400 - 3600;
  const timer = setInterval(() => {
    journal.append(readingAt(second++ * 1000), DECIMALS);
    journal.flush();
  }, 10);
  const stop = () => {
    clearInterval(timer);
    journal.close();
  };
  onTestFinished(() => clearInterval(timer));
  return { access, proxy, run, lines, all, stop, path, firstS };
}

test('what is read while buckets are restored and swapped is all there: the forwarder waits, and goes on by itself', async (context) => {
  requireInfluxd(context);
  const { access, proxy, run, lines, all, stop } = await readingAllTheTime();
  proxy.faultFor = (path, _number, method) =>
    method === 'POST' && path.startsWith('/api/v2/authorizations')
      ? { kind: 'answer', status: 500, body: '{"message":"no"}' }
      : undefined;
  expect(await run('restore-influxdb', '--swap')).toMatchObject({
    code: 69,
    err: expect.stringMatching(
      /^energy-monitor: the data are in place, and not all that follows is done: writer token/,
    ),
  });
  const holds = () => lines.filter(({ msg }) => /403.*readings wait in the journal/.test(String(msg))).length;
  await expect.poll(holds, WAIT).toBeGreaterThan(0);
  expect(lines.filter(({ msg }) => /takes readings again/.test(String(msg)))).toEqual([]);
  proxy.faultFor = () => undefined;
  const again = await run('restore-influxdb', '--swap');
  expect(again).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/^energy is in place since an earlier run/m),
  });
  const wellAgain = () => lines.filter(({ msg }) => /takes readings again/.test(String(msg))).length;
  await expect.poll(wellAgain, WAIT).toBeGreaterThan(0);

  // Once more, with nothing in the way.
  expect(await run('restore-influxdb', '--swap')).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(
      /^energy as energy-restored: .*\n {2}beside the live energy: .*\n(?:.*\n)*.*it is energy now; what was there is/m,
    ),
  });
  stop();
  await all();
  const names = (await bucketNames(access)).filter((name) => !/-replaced-/.test(name));
  expect(names).toEqual(['energy', 'energy_15m', 'energy_1m', 'host']);
});

test.for([
  ['of a time that the backup has', 1000],
  ['of long before', -40 * 86_400],
] as const)('what came late after the backup, as by an import, is sent again as well: %s', async ([
  _what,
  afterS,
], context) => {
  requireInfluxd(context);
  const { run, all, stop, path, firstS } = await readingAllTheTime();
  const importer = new Importer(path('state'));
  const late = secondsFrom(firstS + afterS, 20).map((second) => ({
    reading: readingAt(second * 1000),
    decimals: DECIMALS,
  }));
  importer.store(late, { key: undefined, value: () => null });
  importer.close();
  stop();
  await all();
  // As the forwarder notes it some time later.
  const db = openForWriting(path('state'));
  db.exec('UPDATE cursor SET key = (SELECT max(key) FROM reading), late = (SELECT max(seq) FROM late)');
  db.close();
  expect(await run('restore-influxdb', '--swap')).toMatchObject({ code: 0, err: '' });
  await all();
});

test('the whole server, on a new Pi: said what goes, and done with --yes', async (context) => {
  requireInfluxd(context);
  const { access, path, configure } = await backedUp();
  const fresh = await setUp((await startInfluxd()).url);
  const config = configure('new', fresh.url);
  writeFileSync(path('fresh-operator'), fresh.token, { mode: 0o600 });
  const restore = (...args: string[]) =>
    finished(['restore-influxdb', '--full', ...args, '--identity-file', path('key'), '--config', config]);
  const look = await restore('--operator-token-file', path('fresh-operator'));
  expect(look).toMatchObject({ code: 0, out: expect.stringMatching(/would go: buckets home\/energy.*\n.*say --yes/) });
  const done = await restore('--yes', '--operator-token-file', path('fresh-operator'));
  expect(done).toMatchObject({ code: 0, out: expect.stringMatching(/100 values\nrestart influxd now/) });
  expect((await influxPoints({ ...fresh, token: access.token }, 'energy')).size).toBe(100);
});

test('mistakes end in a sentence', async (context) => {
  requireInfluxd(context);
  const { restore, path } = await backedUp();
  writeFileSync(path('wrong'), 'not-a-token', { mode: 0o600 });
  const cases: [string[], RegExp][] = [
    [['--sink', 'cloud'], /there is no server cloud in influxdb/],
    [['--bucket', 'nothing'], /nothing/],
    [['--operator-token-file', path('wrong')], /operator/],
    [['9'], /there is no backup 9/],
  ];
  for (const [args, sentence] of cases) {
    const result = await restore(...args);
    expect(result.code, args.join(' ')).toBeGreaterThan(63);
    expect(result.err).toMatch(sentence);
    expect(result.err).not.toMatch(/ at .*\.ts|not-a-token/);
  }
});
