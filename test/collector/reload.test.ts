import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Collector } from '../../agent/collector/collector.ts';
import { Forwarding } from '../../agent/collector/forwarding.ts';
import { Reloader, type ReloadOutcome } from '../../agent/collector/reload.ts';
import { gatherStatus, statusText } from '../../agent/collector/status-report.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { TcpLine } from '../../agent/simulator/tcp-line.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { runCommand } from '../support/child.ts';
import { ALL, open } from '../support/open-journal.ts';
import { restlessLoad } from '../support/restless-load.ts';
import { recordingLog } from '../support/silent-log.ts';
import { watchStalls } from '../support/stalls.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { virtualLine } from '../support/virtual-line.ts';

/** So long that no register changes while a sample is taken, which a guard would doubt. */
const STEADY_MS = 86_400_000;

/** A gateway with five meters. */
async function gateway(): Promise<TcpLine> {
  const meters = [1, 2, 3, 4, 5].map((unit) => {
    const options = { model: WE_515, load: restlessLoad(unit, STEADY_MS), stepMs: STEADY_MS };
    return [unit, new VirtualMeter(options, Date.now())] as const;
  });
  const line = await TcpLine.listen(0, 'mbap', { slave: new Slave(new Map(meters)), random: seededRandom(1) });
  onTestFinished(() => line.close());
  return line;
}

/** A server that takes what an InfluxDB takes, and counts it. */
async function countingServer() {
  const counted = { url: '', writes: 0 };
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url?.includes('/write')) counted.writes++;
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  counted.url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  return counted;
}

interface MeterSketch {
  name: string;
  unit?: number;
  interval?: string;
  connection: object;
}

function readingTimes(stateDir: string, meter: string): number[] {
  const reader = new JournalReader(stateDir);
  try {
    return reader
      .readings(ALL)
      .filter(({ series }) => series.meter === meter)
      .map(({ timeMs }) => timeMs);
  } finally {
    reader.close();
  }
}

function gapsOf(stateDir: string, meter: string) {
  const reader = new JournalReader(stateDir);
  try {
    return reader.gaps(ALL).filter(({ series }) => series.meter === meter);
  } finally {
    reader.close();
  }
}

/** A collector in this process whose configuration the test gives it as text. */
function collecting(first: MeterSketch[]) {
  const stateDir = join(temporaryDirectory(), 'state');
  const textOf = (meters: MeterSketch[], more: object = {}) =>
    JSON.stringify({ stateDir, ...more, meters: meters.map((meter) => ({ model: 'we-515', ...meter })) });
  let text = textOf(first);
  const load = () => parseConfig(text, 'test.yaml');
  const config = load();
  const { log, lines } = recordingLog();
  const journal = open(stateDir);
  const collector = new Collector({ config, journal, log });
  const forwarding = new Forwarding(config, journal, log);
  const events: (string | ReloadOutcome)[] = [];
  const onReloading = () => void events.push('reloading');
  const onReloaded = (outcome: ReloadOutcome) => void events.push(outcome);
  const reloader = new Reloader({ config, load, collector, forwarding, log, onReloading, onReloaded });
  collector.start();
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= reloader
      .stop()
      .then(() => collector.stop())
      .then(() => forwarding.end())
      .then(() => journal.close());
    return stopping;
  };
  onTestFinished(stop);
  const statusOf = (name: string) => collector.status().meters.find((meter) => meter.name === name);
  return {
    stateDir,
    collector,
    events,
    lines,
    stop,
    statusOf,
    /** Resolves once this many readings more of the meter are there. */
    more: async (name: string, count = 3) => {
      const before = statusOf(name)?.good ?? 0;
      await expect.poll(() => statusOf(name)?.good ?? 0, { timeout: 10_000 }).toBeGreaterThanOrEqual(before + count);
    },
    reload: (meters: MeterSketch[] | string, more?: object) => {
      text = typeof meters === 'string' ? meters : textOf(meters, more);
      return reloader.request();
    },
  };
}

test('meters come, go and change; the one that stays keeps its loop, its counts and its line', async () => {
  const { port } = await gateway();
  const tcp = { tcp: `127.0.0.1:${port}` };
  const [stays, goes] = ['stays', 'goes'].map((name, i) => ({ name, unit: i + 1, interval: '500ms', connection: tcp }));
  const changes = { name: 'changes', unit: 3, interval: '500ms', connection: tcp };
  const comes = { name: 'comes', unit: 4, interval: '500ms', connection: tcp };
  if (!stays || !goes) return;
  const wasStalled = watchStalls(60);
  const run = collecting([stays, goes, changes]);
  for (const name of ['stays', 'goes', 'changes']) await run.more(name);
  const { good = 0, lineStats } = run.statusOf('stays') ?? {};
  const requests = lineStats?.requests ?? 0;
  await run.reload([comes, { ...changes, interval: '1000ms' }, stays]);
  const goneMs = Date.now();
  expect(run.collector.status().meters.map(({ name }) => name)).toEqual(['comes', 'changes', 'stays']);
  for (const name of ['stays', 'comes', 'changes']) await run.more(name);
  const after = run.statusOf('stays');
  expect(after?.good).toBeGreaterThan(good);
  expect(after?.lineStats).toMatchObject({ disconnects: 0 });
  expect(after?.lineStats.requests).toBeGreaterThan(requests);
  await run.stop();
  expect(gapsOf(run.stateDir, 'stays').filter(({ fromMs, toMs }) => !wasStalled(fromMs, toMs))).toEqual([]);
  expect(Math.max(...readingTimes(run.stateDir, 'goes'))).toBeLessThanOrEqual(goneMs);
  const changed = readingTimes(run.stateDir, 'changes');
  expect(new Set(changed).size).toBe(changed.length);
  expect(changed.filter((timeMs) => timeMs > goneMs && timeMs % 1000 !== 0)).toEqual([]);
  // Nobody was reading it before: neither has a gap for that.
  expect(gapsOf(run.stateDir, 'comes').filter(({ cause }) => cause === 'stopped')).toEqual([]);
  expect(gapsOf(run.stateDir, 'changes').filter(({ cause }) => cause === 'stopped')).toEqual([]);
  expect(run.events).toEqual([
    'reloading',
    expect.objectContaining({ added: ['comes'], changed: ['changes'], removed: ['goes'], restart: [], sinks: false }),
  ]);
});

test('a configuration with mistakes changes nothing and says all of them', async () => {
  const { port } = await gateway();
  const house = { name: 'house', interval: '200ms', connection: { tcp: `127.0.0.1:${port}` } };
  const run = collecting([house]);
  await run.more('house');
  await run.reload(
    JSON.stringify({ stateDir: run.stateDir, meters: [{ ...house, model: 'we-999', unit: 300 }, { name: 'new' }] }),
  );
  await run.more('house');
  expect(run.collector.status().meters.map(({ name }) => name)).toEqual(['house']);
  const outcome = run.events.at(-1) as ReloadOutcome;
  for (const path of ['meters[0].model', 'meters[0].unit', 'meters[1].connection']) {
    expect(outcome.problem).toContain(path);
  }
  expect(run.lines).toContainEqual(
    expect.objectContaining({ msg: expect.stringMatching(/^the configuration stays as it was: test.yaml has/) }),
  );
  await run.reload([house, { ...house, name: 'second', unit: 2 }]);
  await run.more('second');
});

test('what takes effect with the next start alone is named, and the rest is done', async () => {
  const { port } = await gateway();
  const house = { name: 'house', interval: '200ms', connection: { tcp: `127.0.0.1:${port}` } };
  const run = collecting([house]);
  await run.reload([house, { ...house, name: 'second', unit: 2 }], {
    stateDir: '/elsewhere',
    journal: { flushInterval: '20s' },
    influxdb: { url: 'http://127.0.0.1:1' },
  });
  expect(run.events.at(-1)).toMatchObject({
    added: ['second'],
    sinks: true,
    restart: ['stateDir', 'journal.flushInterval'],
  });
  await run.more('second');
});

test('a meter moves to another line, and its old line is closed when nobody is on it', async () => {
  const { port } = await gateway();
  const { line } = virtualLine();
  const serial = { serial: line.linkPath, baudRate: 115200 };
  const moves = { name: 'moves', unit: 1, interval: '200ms', connection: serial };
  const run = collecting([
    moves,
    { name: 'stays', unit: 2, interval: '200ms', connection: { tcp: `127.0.0.1:${port}` } },
  ]);
  await run.more('moves');
  for (const connection of [{ tcp: `127.0.0.1:${port}` }, serial, { tcp: `127.0.0.1:${port}` }]) {
    await run.reload([
      { ...moves, connection },
      { name: 'stays', unit: 2, interval: '200ms', connection: { tcp: `127.0.0.1:${port}` } },
    ]);
    await run.more('moves');
    await run.more('stays', 1);
  }
  expect(run.statusOf('moves')?.line).toBe(`tcp://127.0.0.1:${port}`);
  await run.stop();
  const times = readingTimes(run.stateDir, 'moves');
  expect(new Set(times).size).toBe(times.length);
});

test('a line that is being opened again does not hold up a reload, and is read when it is there', async () => {
  const { port } = await gateway();
  const { line } = virtualLine();
  const tcp = { tcp: `127.0.0.1:${port}` };
  const gone = { name: 'gone', interval: '200ms', connection: { serial: line.linkPath, baudRate: 115200 } };
  const stays = { name: 'stays', unit: 2, interval: '200ms', connection: tcp };
  const run = collecting([gone, stays]);
  await run.more('gone');
  line.unplug();
  await expect.poll(() => run.statusOf('gone')?.connected).toBe(false);
  await run.reload([{ ...gone, interval: '100ms' }, stays, { ...stays, name: 'more', unit: 3 }]);
  await run.more('more');
  expect(run.statusOf('gone')).toMatchObject({ connected: false, problem: { message: expect.any(String) } });
  line.plug();
  await run.more('gone');
});

test('twenty times SIGHUP at random moments: the others lose no point, what is added begins, what is removed ends', async () => {
  const { port } = await gateway();
  const stateDir = join(temporaryDirectory(), 'state');
  const file = join(temporaryDirectory(), 'config.yaml');
  const random = seededRandom(20);
  const meterOf = (name: string, unit: number, interval: number) => ({
    name,
    model: 'we-515',
    unit,
    interval: `${interval}ms`,
    connection: { tcp: `127.0.0.1:${port}` },
  });
  const write = (round: number) => {
    const steady = [meterOf('one', 1, 500), meterOf('two', 2, 500)];
    const comes = round % 2 === 1 ? [meterOf('guest', 3, 500)] : [];
    const changing = meterOf('changing', 4, round % 3 === 0 ? 500 : 1000);
    writeFileSync(file, JSON.stringify({ stateDir, meters: [...steady, ...comes, changing] }));
  };
  write(0);
  const wasStalled = watchStalls(60);
  const child = runCommand(['collect', '--config', file]);
  await child.printed(/"collecting"|collecting/);
  const seen: { atMs: number; present: boolean }[] = [];
  for (let round = 1; round <= 20; round++) {
    await new Promise((resolve) => setTimeout(resolve, 100 + random() * 900));
    if (round === 10) writeFileSync(file, 'meters: [{name: one}]');
    else write(round);
    const before = child.errors().length + child.output().length;
    child.process.kill('SIGHUP');
    const said = () => `${child.errors()}${child.output()}`.length > before;
    await expect.poll(said, { timeout: 10_000, interval: 20 }).toBe(true);
    if (round !== 10) seen.push({ atMs: Date.now(), present: round % 2 === 1 });
  }
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const running = gatherStatus(stateDir);
  expect(running.collector?.meters.map(({ name }) => name)).toEqual(['one', 'two', 'changing']);
  expect(await child.end('SIGTERM')).toBe(0);
  for (const name of ['one', 'two']) {
    const times = readingTimes(stateDir, name);
    const lost = gapsOf(stateDir, name).filter(({ fromMs, toMs }) => !wasStalled(fromMs, toMs));
    expect(lost).toEqual([]);
    // Each point between them is a reading or a gap.
    const [firstMs, lastMs] = [times[0] ?? 0, times.at(-1) ?? 0];
    const gaps = gapsOf(stateDir, name).filter(({ fromMs, toMs }) => fromMs > firstMs && toMs < lastMs);
    const points = gaps.reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs) / 500 + 1, times.length);
    expect(points).toBe((lastMs - firstMs) / 500 + 1);
    expect(times.length).toBeGreaterThan(15);
  }
  const changing = readingTimes(stateDir, 'changing');
  expect(new Set(changing).size).toBe(changing.length);
  const guest = readingTimes(stateDir, 'guest');
  for (const { atMs, present } of seen.slice(0, -1)) {
    const next = seen.find((other) => other.atMs > atMs);
    const during = guest.filter((timeMs) => timeMs > atMs && timeMs < (next?.atMs ?? 0) - 1000);
    if (!present) expect(during).toEqual([]);
  }
  expect(guest.length).toBeGreaterThan(5);
  expect(child.errors() + child.output()).toMatch(/the configuration stays as it was/);
});

test('a server that comes into the configuration with SIGHUP gets the readings, and one that leaves it none', async () => {
  const { port } = await gateway();
  const stateDir = join(temporaryDirectory(), 'state');
  const file = join(temporaryDirectory(), 'config.yaml');
  const [first, second] = [await countingServer(), await countingServer()];
  const write = (url: string | undefined) => {
    const meters = [{ name: 'house', model: 'we-515', interval: '500ms', connection: { tcp: `127.0.0.1:${port}` } }];
    const influxdb = url === undefined ? [] : [{ url, token: 'a-token', batchInterval: '1s' }];
    writeFileSync(file, JSON.stringify({ stateDir, journal: { flushInterval: '1s' }, meters, influxdb }));
  };
  write(undefined);
  const child = runCommand(['collect', '--config', file]);
  await child.printed(/collecting/);
  for (const server of [first, second]) {
    write(server.url);
    child.process.kill('SIGHUP');
    await expect.poll(() => server.writes, { timeout: 20_000 }).toBeGreaterThan(1);
  }
  const { writes } = first;
  const more = second.writes + 2;
  await expect.poll(() => second.writes, { timeout: 20_000 }).toBeGreaterThan(more);
  expect(first.writes).toBe(writes);
  expect(await child.end('SIGTERM')).toBe(0);
});

test('what went wrong with the last reload is in the status', () => {
  const stateDir = join(temporaryDirectory(), 'state');
  open(stateDir).close();
  const report = gatherStatus(stateDir);
  const collector = { pid: process.pid, startedMs: 0, updatedMs: 0, clock: undefined, meters: [] };
  const reload = { timeMs: 5000, problem: 'config.yaml has 1 mistake:' };
  const text = statusText({ ...report, running: true, collector: { ...collector, reload } }, 65_000);
  expect(text).toContain('config      was read again 60 s ago and stays as it was: config.yaml has 1 mistake:');
});
