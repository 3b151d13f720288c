import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fluxRows } from '../../agent/import/flux-csv.ts';
import { type InfluxSourceOptions, influxSource } from '../../agent/import/influx-source.ts';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { finished } from '../support/child.ts';
import { forward, journalPoints, sinkConfig } from '../support/forwarding.ts';
import { allReadings, fileSource, importInto, stoppedAfter, textFile } from '../support/imports.ts';
import { type InfluxAccess, influxPoints, requireInfluxd, setUp, startInfluxd } from '../support/influxd.ts';
import { DECIMALS, HOUSE } from '../support/readings.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readingAt } from './readings.ts';

const BASE = Date.UTC(2022, 11, 2, 18, 15);

async function write({ url, token, org }: InfluxAccess, lines: readonly string[]): Promise<void> {
  const response = await fetch(`${url}/api/v2/write?org=${org}&bucket=energy&precision=ns`, {
    method: 'POST',
    headers: { authorization: `Token ${token}` },
    body: lines.join('\n'),
  });
  if (!response.ok) throw new Error(await response.text());
}

/** What the Python energy-monitor writes each second: nanoseconds of its own clock, integers and floats, no tag. */
const seedLine = (i: number, timeMs: number) =>
  `energy active_energy=${423_000 + i}i,active_power=${1000 + i}i,apparent_power=${1010 + i}i,current=${4000 + i}i,` +
  `frequency=49.98,power_factory=0.99,reactive_energy=${1230 + i}i,reactive_power=${50 + i}i,voltage=${230 + (i % 10) / 10} ` +
  `${timeMs}123456`;

const seedReading = (i: number, timeMs: number) => ({
  series: HOUSE,
  timeMs,
  values: {
    active_energy: (423_000 + i) / 1000,
    active_power: 1000 + i,
    apparent_power: 1010 + i,
    current: (4000 + i) / 1000,
    frequency: 49.98,
    power_factor: 0.99,
    reactive_energy: (1230 + i) / 1000,
    reactive_power: 50 + i,
    voltage: 230 + (i % 10) / 10,
  },
});

function sourceOf({ url, token, org }: InfluxAccess, options: Partial<InfluxSourceOptions> = {}) {
  return () => influxSource({ address: { url, token }, org, bucket: 'energy', measurement: 'energy', ...options });
}

test('a bucket of the Python energy-monitor: dense hours, a year of nothing, a point, all in our units', async (context) => {
  requireInfluxd(context);
  const influxd = await startInfluxd();
  const access = await setUp(influxd.url);
  const times = Array.from({ length: 9000 }, (_, i) => BASE + i * 1000 + 17);
  const NEXT_SHARD = Date.UTC(2023, 11, 4);
  times.push(NEXT_SHARD - 5000);
  await write(
    access,
    times.map((timeMs, i) => seedLine(i, timeMs)),
  );
  await write(access, [`energy,meter=heater,model=we-514 voltage=231.5,current=4i ${BASE + 5000}000000`]);
  // In another shard a field may be of another type.
  await write(access, [`energy active_power=1.5 ${NEXT_SHARD}000000`]);
  await write(access, [`energy status="ok",on=true ${BASE + 4321}000000`, `cpu usage=1 ${BASE}000000`]);

  const stateDir = temporaryDirectory();
  const { out, said } = await importInto(stateDir, [sourceOf(access)]);
  expect(said).toContain('of the Python energy-monitor');
  expect(out).toContain('9003 new readings, 0 there already; left out: 1 without a number');
  const heater = {
    series: { measurement: 'energy', meter: 'heater', model: 'we-514' },
    timeMs: BASE + 5000,
    values: { voltage: 231.5, current: 4 },
  };
  const last = { series: HOUSE, timeMs: NEXT_SHARD, values: { active_power: 1.5 } };
  const expected = [...times.map((timeMs, i) => seedReading(i, timeMs)), heater, last].sort(
    (a, b) => a.timeMs - b.timeMs,
  );
  expect(allReadings(stateDir)).toEqual(expected);
  expect((await importInto(stateDir, [sourceOf(access)])).out).toContain('0 new readings, 9003 there already');

  // Cut off after some pages, and gone on with.
  const other = temporaryDirectory();
  const stop = new AbortController();
  const half = await importInto(other, [() => stoppedAfter(sourceOf(access), 3, stop)], { signal: stop.signal });
  expect(half.out).toContain('stopped, the same command goes on from here');
  const rest = await importInto(other, [sourceOf(access)]);
  expect(rest.said).toMatch(/going on behind record \d{3,}/);
  expect(rest.out).toContain('9003 new readings, 0 there already; left out: 1 without');
  expect(allReadings(other)).toEqual(expected);

  // A server that is away for a moment is asked again.
  await influxd.end();
  const waiting = importInto(temporaryDirectory(), [sourceOf(access, { pausesMs: [100, 3000, 3000, 3000] })]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await influxd.start();
  expect((await waiting).out).toContain('9003 new readings');
});

test('the command: a range of a bucket, and one sentence for each mistake', async (context) => {
  requireInfluxd(context);
  const access = await setUp((await startInfluxd()).url);
  await write(
    access,
    // Floats, as this agent writes: within a shard a field has one type.
    Array.from({ length: 60 }, (_, i) => seedLine(i, BASE + i * 1000).replaceAll('i,', ',')),
  );
  const directory = temporaryDirectory();
  const stateDir = join(directory, 'state');
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, `${access.token}\n`);
  writeFileSync(join(directory, 'wrong'), 'wrong\n');
  const run = (...args: string[]) =>
    finished(['import', '--from-influxdb', access.url, '--meter', 'house', '--state-dir', stateDir, ...args]);

  const wrong = ['--token-file', join(directory, 'wrong')];
  expect(await run(...wrong)).toMatchObject({
    code: 69,
    err: expect.stringMatching(/answers 401.*\n {2}the token is missing or wrong/),
  });
  const good = ['--token-file', tokenFile];
  expect(await run(...good, '--bucket', 'nope')).toMatchObject({
    code: 69,
    err: expect.stringContaining('answers 404'),
  });
  expect(await run(...good, '--org', 'nope')).toMatchObject({
    code: 69,
    err: expect.stringContaining('name another with --org'),
  });
  expect(await run(...good, '--measurement', 'nope')).toMatchObject({
    code: 64,
    err: expect.stringContaining('has no measurement nope'),
  });
  const range = ['--from', '2022-12-02T18:15:10Z', '--to', '2022-12-02T18:15:20Z'];
  expect((await run(...good, ...range, '--dry-run')).out).toContain('10 readings would be new');
  expect((await run(...good, ...range)).out).toContain('10 new readings, 0 there already');
  expect((await run(...good)).out).toContain('50 new readings, 10 there already');
  expect(allReadings(stateDir)).toEqual(Array.from({ length: 60 }, (_, i) => seedReading(i, BASE + i * 1000)));
  // What the agent itself forwarded into the bucket is no news.
  await write(
    access,
    allReadings(stateDir).map((reading) => `${toLine(reading)}000000`),
  );
  expect((await run(...good)).out).toContain('0 new readings, 120 there already');
});

test('meters that only other tags tell apart, a lone field, and machines', async (context) => {
  requireInfluxd(context);
  const access = await setUp((await startInfluxd()).url);
  const at = (i: number) => `${BASE + i * 1000}000000`;
  await write(access, [
    ...['house', 'garage'].map((place, i) => `two,location=${place} voltage=${230 + i},note="x" ${at(i)}`),
    ...[10, 11].map((i) => `lone active_energy=423145,voltage=230 ${at(i)}`),
    `alone active_energy=423145 ${at(0)}`,
    `host,host=pi,model=Pi\\ 4 cpu_percent=12.5,current=5000 ${at(0)}`,
  ]);
  const meaning = { meter: 'house', model: 'we-515', measurement: 'two', mapping: {} };
  const stateDir = temporaryDirectory();
  const importOf = (measurement: string, said: Partial<typeof meaning & { meterTag: string }> = {}) =>
    importInto(stateDir, [sourceOf(access, { measurement })], { meaning: { ...meaning, measurement, ...said } });

  await expect(importOf('two')).rejects.toThrow(
    /location=garage and with location=house would both become meter house/,
  );
  await expect(importOf('alone')).rejects.toThrow(/active_energy is alone, so its unit cannot be told/);
  expect(allReadings(stateDir)).toEqual([]);

  await importOf('two', { meterTag: 'location' });
  await importOf('host');
  expect(
    allReadings(stateDir).map(({ series, values }) => [series.measurement, series.meter, series.model, values]),
  ).toEqual(
    expect.arrayContaining([
      ['energy', 'house', 'we-515', { voltage: 230 }],
      ['energy', 'garage', 'we-515', { voltage: 231 }],
      ['host', 'pi', 'Pi 4', { cpu_percent: 12.5, current: 5000 }],
    ]),
  );
  expect((await importOf('lone')).out).toContain('2 new readings');
});

test('CSV as the server itself exports it', async (context) => {
  requireInfluxd(context);
  const access = await setUp((await startInfluxd()).url);
  await write(
    access,
    Array.from({ length: 2000 }, (_, i) => seedLine(i, BASE + i * 1000)),
  );
  for (const annotations of [['datatype', 'group', 'default'], []]) {
    const response = await fetch(`${access.url}/api/v2/query?org=${access.org}`, {
      method: 'POST',
      headers: {
        authorization: `Token ${access.token}`,
        'content-type': 'application/json',
        accept: 'application/csv',
      },
      body: JSON.stringify({
        query: 'from(bucket: "energy") |> range(start: 2022-12-01T00:00:00Z, stop: 2022-12-04T00:00:00Z)',
        dialect: { header: true, annotations },
      }),
    });
    const path = textFile('export.csv', await response.text());
    const stateDir = temporaryDirectory();
    await importInto(stateDir, [fileSource(path, { fromSeed: true })], { unitsAreSaid: true });
    expect(allReadings(stateDir)).toEqual(Array.from({ length: 2000 }, (_, i) => seedReading(i, BASE + i * 1000)));
    await expect(importInto(temporaryDirectory(), [fileSource(path)])).rejects.toThrow(/its unit cannot be told/);
  }
});

test('what is imported behind the forwarding reaches the server', async (context) => {
  requireInfluxd(context);
  const access = await setUp((await startInfluxd()).url);
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  onTestFinished(() => journal.close());
  for (let i = 0; i < 20; i++) journal.append(readingAt(BASE + 86_400_000 + i * 1000), DECIMALS);
  journal.flush();
  forward(stateDir, [sinkConfig({ url: access.url, org: access.org, token: access.token })]);
  await expect.poll(async () => (await influxPoints(access, 'energy')).size, { timeout: 10_000 }).toBe(60);
  const history = Array.from({ length: 3000 }, (_, i) => readingAt(BASE + i * 1000));
  const path = textFile('history.lp', history.map((reading) => `${toLine(reading)}\n`).join(''));
  await importInto(stateDir, [fileSource(path)]);
  await expect.poll(async () => (await influxPoints(access, 'energy')).size, { timeout: 10_000 }).toBe(9060);
  expect(await influxPoints(access, 'energy')).toEqual(journalPoints(stateDir));
});

test('nothing listens there: said after a few tries, with what to do', async () => {
  const options = { address: { url: 'http://127.0.0.1:9' }, org: 'home', bucket: 'energy', measurement: 'energy' };
  await expect(influxSource({ ...options, pausesMs: [1] })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('http://127.0.0.1:9 cannot be reached'),
    hint: expect.stringContaining('nothing listens there'),
  });
});

test('tables of an answer: types, texts in quotes, and a failure under way', () => {
  const answer = [
    '#datatype,string,long,dateTime:RFC3339,string,double,long,string',
    '#group,false,false,false,true,false,false,false',
    ',result,table,_time,meter,voltage,current,note',
    ',_result,0,2022-12-02T18:15:00.123456789Z,house,230.1,5411,"a, b\r\nc"',
    ',_result,0,2022-12-02T18:15:01Z,house,,5412,',
    '',
    '#datatype,string,long,dateTime:RFC3339,unsignedLong,boolean',
    '#group,false,false,false,false,false',
    ',result,table,_time,count,on',
    ',_result,1,2022-12-02T18:15:02Z,7,true',
    '',
    '',
  ].join('\r\n');
  expect(fluxRows(answer)).toEqual([
    {
      timeMs: BASE + 123,
      tags: { meter: 'house' },
      texts: { _time: expect.any(String), note: 'a, b\r\nc' },
      numbers: { voltage: 230.1, current: 5411 },
    },
    {
      timeMs: BASE + 1000,
      tags: { meter: 'house' },
      texts: { _time: expect.any(String) },
      numbers: { current: 5412 },
    },
    { timeMs: BASE + 2000, tags: {}, texts: { _time: expect.any(String), on: 'true' }, numbers: { count: 7 } },
  ]);
  const failed = '#datatype,string,string\r\n,error,reference\r\n,"out of memory",897\r\n';
  expect(() => fluxRows(`${answer}${failed}`)).toThrow('out of memory');
});

test('a field named error is a field; a failure under way has its reference and no time', () => {
  const answer = ',result,table,_time,error\r\n,_result,0,2022-12-02T18:15:00Z,3\r\n';
  expect(fluxRows(`#datatype,string,long,dateTime:RFC3339,double\r\n${answer}`)).toMatchObject([
    { numbers: { error: 3 } },
  ]);
});
