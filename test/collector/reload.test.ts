import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Collector } from '../../agent/collector/collector.ts';
import { Forwarding } from '../../agent/collector/forwarding.ts';
import { Reloader, type ReloadOutcome } from '../../agent/collector/reload.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { tableYaml } from '../../agent/config/table-yaml.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { gapsOf, gateway, readingTimes } from '../support/gateway.ts';
import { open } from '../support/open-journal.ts';
import { afterTest, expect, test } from '../support/side-by-side.ts';
import { recordingLog } from '../support/silent-log.ts';
import { watchStalls } from '../support/stalls.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { virtualLine } from '../support/virtual-line.ts';

interface MeterSketch {
  name: string;
  model?: string;
  unit?: number;
  interval?: string;
  connection: object;
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
  const announcer = {
    reloading: () => void events.push('reloading'),
    reloaded: (outcome: ReloadOutcome) => void events.push(outcome),
  };
  const reloader = new Reloader({ config, load, collector, forwarding, log, announcer });
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
  afterTest(stop);
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
  await Promise.all(['stays', 'goes', 'changes'].map((name) => run.more(name)));
  const { good = 0, lineStats } = run.statusOf('stays') ?? {};
  const requests = lineStats?.requests ?? 0;
  await run.reload([comes, { ...changes, interval: '1000ms' }, stays]);
  const goneMs = Date.now();
  expect(run.collector.status().meters.map(({ name }) => name)).toEqual(['comes', 'changes', 'stays']);
  await Promise.all(['stays', 'comes', 'changes'].map((name) => run.more(name)));
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

test('meters that come to a gateway that is fast lose no point to a guess of how slow it may be', async () => {
  const { port } = await gateway();
  const meters = ['one', 'two', 'three'].map((name, i) => ({
    name,
    unit: i + 1,
    interval: '200ms',
    connection: { tcp: `127.0.0.1:${port}` },
  }));
  const wasStalled = watchStalls(60);
  const run = collecting(meters.slice(0, 1));
  await run.more('one');
  await run.reload(meters);
  await Promise.all(meters.map(({ name }) => run.more(name)));
  await run.stop();
  const gaps = ['two', 'three'].flatMap((name) => gapsOf(run.stateDir, name));
  expect(gaps.filter(({ fromMs, toMs }) => !wasStalled(fromMs, toMs))).toEqual([]);
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

test('a table that was edited: its meter goes on, and nothing that was read is taken for a gap', async () => {
  const { port } = await gateway(60);
  const table = join(temporaryDirectory(), 'mine.yaml');
  const write = (max: number) => writeFileSync(table, tableYaml({ ...WE_515, maxPowerVA: max }, 'mine'));
  write(20_000);
  const house = { name: 'house', model: table, interval: '400ms', connection: { tcp: `127.0.0.1:${port}` } };
  const run = collecting([house]);
  await run.more('house');
  for (let round = 1; round <= 8; round++) {
    // Also while a sample is under way.
    await sleep((round % 4) * 100);
    write(20_000 + round);
    await run.reload([house]);
    expect(run.events.at(-1)).toMatchObject({ changed: ['house'] });
  }
  await run.more('house');
  await run.stop();
  const times = readingTimes(run.stateDir, 'house');
  const gaps = gapsOf(run.stateDir, 'house');
  expect(gaps.filter(({ fromMs, toMs }) => times.some((timeMs) => timeMs >= fromMs && timeMs <= toMs))).toEqual([]);
});
