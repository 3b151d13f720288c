import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeNote } from '../../agent/backup/notes.ts';
import { journalPath } from '../../agent/journal/database.ts';
import type { Configured } from '../../agent/report/configured.ts';
import { units } from '../../agent/report/units.ts';
import { healthOf } from '../../agent/web/health/health.ts';
import type { LiveFeed } from '../../agent/web/live-feed.ts';
import type { Place } from '../../agent/web/place.ts';
import { METER } from '../support/facts.ts';
import { open } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type BarePage, barePage, gapOutcome, readingOutcome, writeStatus } from '../support/web-facts.ts';

const CONFIGURED: Configured = {
  file: '/etc/energy-monitor/config.yaml',
  timeZone: 'Europe/Berlin',
  meters: [{ name: 'house', interval: 1000 }],
  influxdb: [
    { name: 'influxdb', url: 'http://user:plantedPassword@nowhere:8086', bucket: 'energy', hostBucket: 'host' },
  ],
  stores: ['usb', 'azure'],
  drills: false,
};

interface Health {
  status: string;
  uptimeSeconds: number | null;
  problems: { id: string; severity: string; message: string; remedy: string }[];
  meters: Record<string, unknown>[];
  journal: Record<string, unknown>;
  servers: Record<string, unknown>[];
  backups: Record<string, unknown>[];
  machine: Record<string, unknown>;
  units: unknown;
}

async function healthFrom(page: BarePage): Promise<Health> {
  const { status, headers, body } = await page.get('/api/v1/health');
  expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
    200,
    'application/json; charset=utf-8',
    'no-store',
  ]);
  return JSON.parse(body) as Health;
}

const idsOf = ({ problems }: Health) => problems.map(({ id }) => id);
const nowSecondMs = () => Math.floor(Date.now() / 1000) * 1000;

/** A journal with the last minutes of a meter. */
function fill(stateDir: string, seconds: number): void {
  const journal = open(stateDir);
  const nowMs = nowSecondMs();
  for (let s = seconds; s > 0; s--) journal.append(readingAt(nowMs - s * 1000), DECIMALS);
  journal.appendGap({ series: HOUSE, fromMs: nowMs - 300_000, toMs: nowMs - 299_000, cause: 'crc' });
  journal.close();
}

test('meters, journal, servers and backups are told, and no secret', async () => {
  const page = await barePage({ configured: CONFIGURED });
  fill(page.stateDir, 60);
  const lastReading = { timeMs: nowSecondMs(), values: { active_power: 1 } };
  const problem = { message: 'GET http://a/?sig=plantedSignature: 403', hint: 'look' };
  const gaps = { timeout: 3 };
  const lastGap = { timeMs: nowSecondMs() - 5000, cause: 'timeout' as const, message: 'no answer' };
  writeStatus(page.runtimeDirectory, { meters: [{ ...METER, lastReading, lastGap, gaps, problem }] });
  const tried = { label: '/mnt/usb', triedMs: Date.now() - 60_000, owed: 0 };
  writeNote(page.stateDir, 'outcomes', { usb: { ...tried, good: { sequence: 3, madeMs: tried.triedMs } } });
  const health = await healthFrom(page);
  expect(health.uptimeSeconds).toBeGreaterThanOrEqual(60);
  expect(health.meters).toEqual([
    expect.objectContaining({
      name: 'house',
      model: 'we-515',
      line: 'serial:/dev/energy-meter',
      connected: true,
      good: 1000,
      gaps,
      lineStats: expect.objectContaining({ requests: 2000 }),
      lastReading: new Date(lastReading.timeMs).toISOString(),
      lastGap: { time: new Date(lastGap.timeMs).toISOString(), cause: 'timeout', message: 'no answer' },
      problem: { message: 'GET http://a/?sig=*** 403', hint: 'look' },
    }),
  ]);
  expect(health.journal).toMatchObject({ readable: true, waiting: 7, problem: null, bytes: expect.any(Number) });
  expect(health.servers).toMatchObject([
    { name: 'influxdb', url: 'http://user:***@nowhere:8086', waiting: 60, taken: null, problem: null },
  ]);
  expect(health.backups).toMatchObject([
    { store: 'usb', good: { sequence: 3 }, problem: null },
    { store: 'azure', label: null, good: null },
  ]);
  expect(health.machine).toMatchObject({ values: { disk_free_bytes: expect.any(Number) } });
  expect(JSON.stringify(health)).not.toContain('planted');
  for (const { message, remedy } of health.problems) expect([message, remedy]).not.toContain('');
});

test('what is wrong stands in status, with what to do', async () => {
  const page = await barePage({ configured: { ...CONFIGURED, influxdb: [], stores: undefined } });
  fill(page.stateDir, 60);
  const journal = { pending: 900, problem: { message: 'the disk is full', hint: 'make room', sinceMs: Date.now() } };
  const lastReading = { timeMs: nowSecondMs(), values: {} };
  writeStatus(page.runtimeDirectory, { journal, meters: [{ ...METER, lastReading }] });
  const health = await healthFrom(page);
  expect(health.status).toBe('critical');
  expect(health.problems[0]).toMatchObject({
    id: 'journal-problem',
    severity: 'critical',
    message: expect.stringContaining('the disk is full'),
    remedy: 'make room',
  });
});

test('without a journal all else is told', async () => {
  const page = await barePage({ configured: CONFIGURED });
  writeStatus(page.runtimeDirectory);
  const health = await healthFrom(page);
  expect(health.status).toBe('critical');
  expect(idsOf(health)).toContain('journal-problem');
  expect(health.journal).toMatchObject({ readable: false, waiting: 7, problem: { message: expect.any(String) } });
  expect(health.meters).toMatchObject([{ name: 'house', connected: true, good: 1000 }]);
  expect(health.machine).toMatchObject({ model: expect.any(String) });
});

test('a damaged journal is told, with what the collector itself knows', async () => {
  const page = await barePage({ configured: CONFIGURED });
  mkdirSync(page.stateDir);
  writeFileSync(journalPath(page.stateDir), Buffer.alloc(40_960, 0x55));
  writeStatus(page.runtimeDirectory);
  const health = await healthFrom(page);
  expect(health.status).toBe('critical');
  expect(health.problems.find(({ id }) => id === 'journal-problem')?.message).toContain('is damaged');
  expect(health.meters).toMatchObject([{ name: 'house', good: 1000 }]);
});

test('a page beside no collector says that nobody reads', async () => {
  const page = await barePage({ configured: CONFIGURED });
  fill(page.stateDir, 60);
  const health = await healthFrom(page);
  expect(idsOf(health)).toContain('collector-stopped');
  expect(health.uptimeSeconds).toBeNull();
  expect(health.meters).toMatchObject([
    { name: 'house', connected: null, good: null, lastReading: expect.any(String) },
  ]);
});

test('what was gathered serves for five seconds, and a defect does not', async () => {
  const directory = temporaryDirectory();
  const stateDir = join(directory, 'state');
  let defect = true;
  const place = {
    stateDir,
    runtimeDirectory: directory,
    nowMs: () => {
      if (defect) throw new TypeError('a defect');
      return Date.now();
    },
  } as Place;
  await expect(healthOf(place, 0)).rejects.toThrow('a defect');
  defect = false;
  const first = await healthOf(place, 1);
  fill(stateDir, 60);
  expect(await healthOf(place, 4900)).toBe(first);
  const second = JSON.parse(await healthOf(place, 5100)) as Health;
  expect([(JSON.parse(first) as Health).journal.readable, second.journal.readable]).toEqual([false, true]);
});

test('a systemd that does not answer is not waited for', () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  writeFileSync(join(root, 'usr/bin/systemctl'), '#!/bin/sh\nexec sleep 3600\n');
  chmodSync(join(root, 'usr/bin/systemctl'), 0o755);
  expect(units(root, 100)).toBeUndefined();
});

test('it has no parameters', async () => {
  const page = await barePage();
  expect((await page.get('/api/v1/health?all=true')).status).toBe(400);
});

test('whoever has no password sees whether it is at work, and no more', async () => {
  // Of a hash: what matches it is tested elsewhere.
  const passwordHash = `$scrypt$ln=14,r=8,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`;
  const page = await barePage({ web: { hosts: [], hideAfter: 1, passwordHash } });
  const paths = ['/healthz', '/readyz', '/metrics', '/api/v1/health'];
  const statuses = await Promise.all(paths.map(async (path) => (await page.get(path)).status));
  expect(statuses).toEqual([200, 503, 401, 401]);
});

const READY_METERS = [
  { name: 'house', model: 'we-515', intervalMs: 1000 },
  { name: 'barn', model: 'we-515', intervalMs: 60_000 },
];
const BARN = { ...HOUSE, meter: 'barn' };

test.each<[string, (feed: LiveFeed, nowMs: number) => void, boolean]>([
  ['nothing was read yet', () => {}, false],
  ['a meter was read', (feed, nowMs) => feed.tell(readingOutcome(nowMs - 1000, {})), true],
  ['a gap is an outcome as well', (feed, nowMs) => feed.tell(gapOutcome(nowMs - 12_000, 'timeout')), true],
  ['three intervals and ten seconds are over', (feed, nowMs) => feed.tell(readingOutcome(nowMs - 13_500, {})), false],
  ['a slow meter has longer ones', (feed, nowMs) => feed.tell(readingOutcome(nowMs - 180_000, {}, BARN)), true],
  [
    'one of two is enough',
    (feed, nowMs) => {
      feed.tell(readingOutcome(nowMs - 60_000, {}));
      feed.tell(readingOutcome(nowMs - 60_000, {}, BARN));
    },
    true,
  ],
  [
    'another meter does not count',
    (feed, nowMs) => feed.tell(readingOutcome(nowMs, {}, { ...HOUSE, meter: 'x' })),
    false,
  ],
])('ready: %s', async (_case, tell, isReady) => {
  const page = await barePage({ meters: READY_METERS });
  tell(page.feed, Date.now());
  const { status, body } = await page.get('/readyz');
  expect([status, body]).toEqual(isReady ? [200, 'ready\n'] : [503, 'no meter is read\n']);
});

test('who cannot write its journal is not ready', async () => {
  const page = await barePage();
  page.feed.tell(readingOutcome(Date.now(), {}));
  writeStatus(page.runtimeDirectory);
  expect((await page.get('/readyz')).status).toBe(200);
  const problem = { message: 'the disk /secret is full', hint: undefined, sinceMs: Date.now() };
  writeStatus(page.runtimeDirectory, { journal: { pending: 1, problem } });
  const { status, body } = await page.get('/readyz');
  expect([status, body]).toEqual([503, 'the journal cannot be written\n']);
});
