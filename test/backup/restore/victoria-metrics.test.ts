import { statfsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { test as alone, beforeEach, describe } from 'vitest';
import { DirectoryStore } from '../../../agent/backup/directory-store.ts';
import {
  removeLeftScratchVictoriaMetrics,
  removeScratchVictoriaMetrics,
  restoreVictoriaMetrics,
  type VictoriaMetricsRestoreOptions,
} from '../../../agent/backup/restore/victoria-metrics.ts';
import { DamagedContent, SnapshotReader } from '../../../agent/backup/snapshot-reader.ts';
import { victoriaMetricsSource } from '../../../agent/backup/sources/victoria-metrics.ts';
import { AgentError } from '../../../agent/system/errors.ts';
import { backUp, openRepository } from '../../support/backups.ts';
import { REPOSITORY, runScript } from '../../support/child.ts';
import { type Fault, FaultProxy } from '../../support/fault-proxy.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { freePort } from '../../support/free-port.ts';
import { type Snapshot, snapshotOf, spoil } from '../../support/influx-snapshots.ts';
import { requireMounts, requireProgram } from '../../support/requires.ts';
import { expect, test } from '../../support/side-by-side.ts';
import { silentLog } from '../../support/silent-log.ts';
import { SmallDisk } from '../../support/small-disk.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { VictoriaMetrics } from '../../support/victoria-metrics.ts';

const CHILD = `${REPOSITORY}/test/support/victoria-metrics-child.ts`;
const NAME = 'databases/influxdb';
const NOW_MS = Date.UTC(2026, 2, 20, 14, 10);
const TODAY_MS = Date.UTC(2026, 2, 20);
const DAY_MS = 86_400_000;

beforeEach((context) => requireProgram(context, 'victoria-metrics'));

async function write(url: string, lines: readonly string[]): Promise<void> {
  const response = await fetch(`${url}/api/v2/write?precision=ms`, { method: 'POST', body: lines.join('\n') });
  expect(response.status).toBe(204);
  await (await fetch(`${url}/internal/force_flush`)).arrayBuffer();
}

/** As the forwarding writes them, every ten seconds; values that need all their digits. */
function readings(fromMs: number, count: number, meter = 'house'): string[] {
  return Array.from({ length: count }, (_, i) => {
    const values = `voltage=${230 + (i % 70) / 10},active_power=${(i * 7919) % 5000},active_energy=${(1000.01 + i / 100).toFixed(2)}`;
    return `energy,meter=${meter},model=we-515 ${values} ${fromMs + i * 10_000}`;
  });
}

const HISTORY = [
  ...readings(TODAY_MS - 40 * DAY_MS, 3000),
  ...readings(TODAY_MS - 39 * DAY_MS, 1000, 'garage'),
  ...readings(TODAY_MS - 3 * DAY_MS, 500),
  ...readings(TODAY_MS + 12 * 3_600_000, 700),
  `host,host=pi,model=Raspberry\\ Pi\\ 4 load_1m=0.25,uptime_seconds=12345 ${TODAY_MS}`,
];
const SAMPLES = 5200 * 3 + 2;

async function backedUp(lines = HISTORY) {
  const vm = await VictoriaMetrics.start();
  await write(vm.url, lines);
  const snapshot = await snapshotOf([source(vm.url)]);
  return { vm, snapshot, points: await vm.points() };
}

function source(url: string) {
  const measurements = ['energy', 'host'];
  return victoriaMetricsSource({ name: NAME, address: { url }, measurements, timeoutMs: 20_000, nowMs: NOW_MS });
}

function restore(
  { reader }: Pick<Snapshot, 'reader'>,
  url: string,
  options: Partial<VictoriaMetricsRestoreOptions> = {},
) {
  return restoreVictoriaMetrics({
    snapshot: reader,
    sourceName: NAME,
    address: { url },
    timeoutMs: 20_000,
    patienceMs: 20_000,
    skipDamaged: false,
    nowMs: NOW_MS,
    settleMs: 1500,
    log: silentLog,
    ...options,
  });
}

const failure = (promise: Promise<unknown>): Promise<AgentError> =>
  promise.then(
    () => expect.unreachable(),
    (error: unknown) => {
      expect(error).toBeInstanceOf(AgentError);
      return error as AgentError;
    },
  );

test('into an empty server: every sample, counted; again: nothing is sent, nothing is twice', async () => {
  const { snapshot, points } = await backedUp();
  const into = await VictoriaMetrics.start(undefined, []);
  const steps: number[] = [];
  const report = await restore(snapshot, into.url, {
    onProgress: ({ doneBytes, allBytes }) => steps.push(doneBytes / allBytes),
  });
  expect(report).toMatchObject({ samples: SAMPLES, imported: SAMPLES, series: 8, days: 4, compared: 3 + 3 + 3 + 5 });
  expect(report).toMatchObject({ copy: undefined, damaged: [], expired: [] });
  expect(report.notes).toEqual([expect.stringContaining('-dedup.minScrapeInterval=1ms')]);
  expect(steps.at(-1)).toBe(1);
  expect(points.size).toBe(SAMPLES);
  expect(await into.points()).toEqual(points);
  expect(await restore(snapshot, into.url)).toMatchObject({ samples: SAMPLES, imported: 0, compared: 14 });
  expect(await into.points()).toEqual(points);
});

test('into a server that has a part, and other values and meters: what is there stays, what is missing comes, once', async () => {
  const { snapshot, points } = await backedUp();
  const into = await VictoriaMetrics.start(undefined, []);
  const live = [
    ...HISTORY.filter((_, i) => i % 3 === 0),
    ...readings(TODAY_MS + 12 * 3_600_000 + 5000, 20),
    ...readings(TODAY_MS - 3 * DAY_MS, 20, 'cellar'),
    `energy,meter=house,model=we-515 voltage=111 ${TODAY_MS - 3 * DAY_MS + 10_000}`,
  ];
  await write(into.url, live);
  const before = await into.points();
  const { imported } = await restore(snapshot, into.url);
  const after = await into.points();
  expect(after).toEqual(new Map([...points, ...before]));
  expect(imported).toBe(after.size - before.size);
});

test('beside the live ones: under names that neither queries nor backups take for them', async () => {
  const { vm, snapshot, points } = await backedUp();
  const report = await restore(snapshot, vm.url, { beside: { label: 'influxdb-restored' } });
  expect(report).toMatchObject({ imported: SAMPLES, copy: { prefix: 'restored_', label: 'influxdb-restored' } });
  const all = await vm.points();
  for (const [key, value] of points) expect(all.get(`restored_${key}`)).toBe(value);
  expect(all.size).toBe(2 * SAMPLES);
  const query = 'count(last_over_time({__name__=~"energy_.+",not_cached!="1"}[100d]))';
  const answer = await fetch(`${vm.url}/api/v1/query?time=${NOW_MS / 1000}&query=${encodeURIComponent(query)}`);
  expect(await answer.json()).toMatchObject({ data: { result: [{ value: [expect.anything(), '6'] }] } });
  const again = await snapshotOf([source(vm.url)]);
  expect(again.reader.files(NAME).map(({ sha256 }) => sha256)).toEqual(
    snapshot.reader.files(NAME).map(({ sha256 }) => sha256),
  );
  expect(await restore(snapshot, vm.url, { beside: { label: 'influxdb-restored' } })).toMatchObject({ imported: 0 });
  expect(await restore(snapshot, vm.url, { beside: { label: 'other' } })).toMatchObject({ imported: SAMPLES });
});

describe.concurrent('a trial', () => {
  test('is compared and goes again, and nothing else with it', async () => {
    const { vm, snapshot, points } = await backedUp();
    const own = `scratch_energy,db=mine,meter=house voltage=1 ${TODAY_MS}`;
    await write(vm.url, [own, `energy,db=energy-monitor-scratch,meter=garage voltage=1 ${TODAY_MS}`]);
    const before = await vm.points();
    const span = { fromMs: TODAY_MS - 3 * DAY_MS, toMs: TODAY_MS - 2 * DAY_MS };
    const { copy, ...report } = await restore(snapshot, vm.url, { beside: 'scratch', span });
    expect(report).toMatchObject({ days: 1, samples: 1500, imported: 1500, compared: 3 });
    expect((await vm.points()).size).toBe(before.size + 1500);
    if (!copy) throw new Error('no copy');
    const server = { address: { url: vm.url }, timeoutMs: 20_000, log: silentLog };
    await removeScratchVictoriaMetrics(server, copy);
    expect(await vm.points()).toEqual(before);
    expect(before.size).toBe(points.size + 2);
    for (const other of [
      { prefix: '', label: copy.label },
      { prefix: 'scratch_', label: 'mine' },
      { prefix: 'restored_', label: 'influxdb-restored' },
    ]) {
      expect((await failure(removeScratchVictoriaMetrics(server, other))).message).toContain('it stays');
    }
    expect(await vm.points()).toEqual(before);
  });

  test('that fails takes back what it made; what a killed one left is found', async () => {
    const { vm, snapshot } = await backedUp();
    const proxy = await FaultProxy.start(vm.url);
    let imports = 0;
    proxy.faultFor = (path) =>
      path.includes('/import') && imports++ > 5 ? { kind: 'answer', status: 403, body: 'no' } : undefined;
    const before = await vm.points();
    const error = await failure(restore(snapshot, proxy.url, { beside: 'scratch' }));
    expect(error).toMatchObject({ code: 'permission' });
    expect(imports).toBeGreaterThan(5);
    expect(await vm.points()).toEqual(before);
    await restore(snapshot, vm.url, { beside: 'scratch' });
    const server = { address: { url: vm.url }, timeoutMs: 20_000, log: silentLog };
    expect(await removeLeftScratchVictoriaMetrics(server)).toBe(1);
    expect(await vm.points()).toEqual(before);
    expect(await removeLeftScratchVictoriaMetrics(server)).toBe(0);
  });
});

describe.concurrent('an import that fails on its way', () => {
  const FAULTS: [string, Fault][] = [
    ['is reset', { kind: 'reset' }],
    ['is cut in its body', { kind: 'half-body' }],
    ['gets no reply although it was done', { kind: 'reply-lost' }],
    ['hangs', { kind: 'hang' }],
    ['is refused for being busy', { kind: 'answer', status: 503, body: 'too busy' }],
    ['is said to be done and is not', { kind: 'answer', status: 204 }],
  ];
  test.for(FAULTS)('because it %s is done again, and nothing is twice', async ([_name, fault]) => {
    const { snapshot, points } = await backedUp();
    const into = await VictoriaMetrics.start(undefined, []);
    const proxy = await FaultProxy.start(into.url);
    let imports = 0;
    proxy.faultFor = (path) => (path.includes('/import') && imports++ < 9 && imports % 4 === 1 ? fault : undefined);
    const timeoutMs = fault.kind === 'hang' ? 700 : 20_000;
    expect(await restore(snapshot, proxy.url, { timeoutMs })).toMatchObject({ samples: SAMPLES, compared: 14 });
    expect(imports).toBeGreaterThan(4);
    expect(await into.points()).toEqual(points);
  });
});

test('a server that is killed in the middle and comes back: what it had said yes to and lost is found missing, and sent again', async () => {
  const { snapshot, points } = await backedUp();
  const into = await VictoriaMetrics.start(undefined, []);
  const proxy = await FaultProxy.start(into.url);
  let imports = 0;
  let killed: Promise<void> | undefined;
  proxy.faultFor = (path) => {
    if (path.includes('/import') && ++imports === 14) {
      killed = into
        .end('SIGKILL')
        .then(() => sleep(500))
        .then(() => into.start());
    }
    return undefined;
  };
  const report = await restore(snapshot, proxy.url, { settleMs: 11_000 });
  await killed;
  expect(imports).toBeGreaterThan(16);
  expect(report).toMatchObject({ samples: SAMPLES, compared: 14 });
  expect(await into.points()).toEqual(points);
});

test('a run that was stopped is done again: the rest comes, nothing is twice', async () => {
  const { snapshot, points } = await backedUp();
  const into = await VictoriaMetrics.start(undefined, []);
  const proxy = await FaultProxy.start(into.url);
  const controller = new AbortController();
  let imports = 0;
  proxy.faultFor = (path) => {
    if (path.includes('/import') && ++imports === 7) controller.abort(new Error('stopped'));
    return undefined;
  };
  await expect(restore(snapshot, proxy.url, { signal: controller.signal })).rejects.toThrow('stopped');
  const { imported } = await restore(snapshot, into.url);
  expect(imported).toBeGreaterThan(0);
  expect(imported).toBeLessThan(SAMPLES);
  expect(await into.points()).toEqual(points);
});

test('a process that is killed, at another request each time, and run again: nothing is twice', async () => {
  const { vm, points } = await backedUp();
  const place = temporaryDirectory();
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(1_772_323_200, 5));
  await backUp(stateDir, await DirectoryStore.open(place), { sources: [source(vm.url)] });
  const into = await VictoriaMetrics.start(undefined, []);
  const proxy = await FaultProxy.start(into.url);
  for (const last of [2, 5, 9]) {
    const child = runScript(CHILD, [place, NAME, proxy.url]);
    let imports = 0;
    proxy.faultFor = (path) => {
      if (path.includes('/import') && ++imports === last) child.process.kill('SIGKILL');
      return undefined;
    };
    await child.ended;
    expect(imports).toBeGreaterThanOrEqual(last);
  }
  await restore(await reopened(place), into.url);
  expect(await into.points()).toEqual(points);
});

async function reopened(place: string): Promise<Pick<Snapshot, 'reader'>> {
  const repository = await openRepository(await DirectoryStore.open(place));
  return { reader: await SnapshotReader.open(repository, (await repository.names()).at(-1) ?? '') };
}

describe.concurrent('damage', () => {
  const EACH: ['gone' | 'damaged'][] = [['gone'], ['damaged']];
  test.for(EACH)('an object that is %s is named; the rest comes when that is wanted', async ([how]) => {
    const { snapshot, points } = await backedUp();
    const path = spoil(snapshot, /2026-03-17/, how);
    const into = await VictoriaMetrics.start();
    const error = await failure(restore(snapshot, into.url));
    expect(error).toBeInstanceOf(DamagedContent);
    expect(error.message).toContain(path);
    const report = await restore(snapshot, into.url, { skipDamaged: true });
    expect(report.damaged).toEqual([expect.stringContaining(path)]);
    expect(report.samples).toBe(SAMPLES - 1500);
    const kept = [...points].filter(([key]) => {
      const day = Math.floor(Number(key.split(' ').at(-1)) / DAY_MS) * DAY_MS;
      return day !== TODAY_MS - 3 * DAY_MS;
    });
    expect(await into.points()).toEqual(new Map(kept));
  });
});

describe.concurrent('what stands in the way is said before anything is sent', () => {
  test('a retention that is too short', async () => {
    const { snapshot } = await backedUp();
    const into = await VictoriaMetrics.start(undefined, ['-retentionPeriod=1']);
    const nowMs = Date.now();
    const error = await failure(restore(snapshot, into.url, { nowMs }));
    expect(error.message).toMatch(/keeps samples for 1 month .* 4 days of the backup, from 2026-02-08/);
    expect(error.hint).toMatch(/-retentionPeriod=\d+y/);
    expect((await into.points()).size).toBe(0);
  });

  test('days that are past it can be left out', async () => {
    const young = readings(Math.floor(Date.now() / DAY_MS - 3) * DAY_MS, 50);
    const vm = await VictoriaMetrics.start();
    await write(vm.url, [...HISTORY, ...young]);
    const nowMs = Date.now();
    const snapshot = await snapshotOf([
      victoriaMetricsSource({
        name: NAME,
        address: { url: vm.url },
        measurements: ['energy'],
        timeoutMs: 20_000,
        nowMs,
      }),
    ]);
    const into = await VictoriaMetrics.start(undefined, ['-retentionPeriod=14d']);
    const report = await restore(snapshot, into.url, { nowMs, leaveOutExpired: true });
    expect(report).toMatchObject({ days: 1, samples: 150, imported: 150, compared: 3 });
    expect(report.expired).toEqual(['2026-02-08', '2026-02-09', '2026-03-17', '2026-03-20']);
  });

  test('a server that does not tell its retention: found out afterwards', async () => {
    const { snapshot } = await backedUp();
    const into = await VictoriaMetrics.start(undefined, ['-retentionPeriod=1', '-metricsAuthKey=secret']);
    const error = await failure(restore(snapshot, into.url));
    expect(error.message).toMatch(/did not keep what was sent of 2026-02-08: 0 of \d+ samples/);
    expect(error.hint).toContain('-retentionPeriod');
  });

  test('a clock that is behind', async () => {
    const { snapshot } = await backedUp();
    const error = await failure(
      restore(snapshot, 'http://127.0.0.1:1', { nowMs: Date.UTC(2026, 2, 1), patienceMs: 0 }),
    );
    expect(error).toMatchObject({ code: 'unavailable' });
    const into = await VictoriaMetrics.start();
    const behind = await failure(restore(snapshot, into.url, { nowMs: Date.UTC(2026, 2, 1) }));
    expect(behind).toMatchObject({ code: 'config', message: expect.stringContaining('2026-03-17') });
  });

  test('another address, another kind of source, none', async () => {
    const { snapshot } = await backedUp();
    const away = await failure(restore(snapshot, `http://127.0.0.1:${await freePort()}`, { patienceMs: 300 }));
    expect(away.hint).toContain('nothing listens there');
    const vm = await VictoriaMetrics.start();
    const page = await FaultProxy.start(vm.url);
    page.faultFor = () => ({ kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' });
    expect(await failure(restore(snapshot, page.url))).toMatchObject({ code: 'config' });
    const none = await failure(restore(snapshot, vm.url, { sourceName: 'databases/other' }));
    expect(none).toMatchObject({ code: 'usage', hint: expect.stringContaining(NAME) });
  });
});

alone('a disk without room is told before the server dies of it; with room again the rest comes', async (context) => {
  requireMounts(context);
  const { snapshot, points } = await backedUp();
  const disk = await SmallDisk.mount(40);
  const into = await VictoriaMetrics.start(disk);
  const { bavail, bsize } = statfsSync(disk.outside());
  // It takes nothing when less than 10 MB are free; a little above that it would die of a full disk (1.79).
  writeFileSync(disk.outside('ballast'), Buffer.alloc(bavail * bsize - 10_020_000));
  const free = async () =>
    /^vm_free_disk_space_bytes\S* (\d+)$/m.exec(await (await fetch(`${into.url}/metrics`)).text())?.[1];
  while (Number(await free()) > 11e6) await sleep(100);
  const error = await failure(restore(snapshot, into.url));
  expect(error).toMatchObject({ code: 'storage', hint: expect.stringMatching(/make \d+ MB free/) });
  // Somebody who may not see that hears it from the server.
  const proxy = await FaultProxy.start(into.url);
  proxy.faultFor = (path) => (path.startsWith('/metrics') ? { kind: 'answer', status: 403 } : undefined);
  writeFileSync(disk.outside('more'), Buffer.alloc(4e6));
  while (Number(await free()) > 9e6) await sleep(100);
  const told = await failure(restore(snapshot, proxy.url, { patienceMs: 2000 }));
  expect(told).toMatchObject({ code: 'storage', message: expect.stringContaining('read-only mode') });
  disk.free();
  while (Number(await free()) < 20e6) await sleep(100);
  await restore(snapshot, into.url);
  expect(await into.points()).toEqual(points);
});

test('beside a collector that goes on writing to the same series', async () => {
  const { vm, snapshot, points } = await backedUp();
  await vm.end();
  const into = await VictoriaMetrics.start();
  let stop = false;
  const first = TODAY_MS + 12 * 3_600_000 + 3;
  const writer = (async () => {
    let i = 0;
    for (; !stop; i++) {
      await write(into.url, [`energy,meter=house,model=we-515 voltage=230 ${first + i * 1000}`]);
      await sleep(20);
    }
    return i;
  })();
  const report = await restore(snapshot, into.url);
  stop = true;
  const written = await writer;
  expect(report).toMatchObject({ imported: SAMPLES, compared: 14 });
  expect((await into.points()).size).toBe(points.size + written);
});
