import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeNote } from '../../agent/backup/notes.ts';
import type { MeterStatus } from '../../agent/collector/status.ts';
import { gatherStatus } from '../../agent/collector/status-report.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { CollectorLock } from '../../agent/journal/lock.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { askedBy } from '../../agent/report/asked.ts';
import { gatherFacts } from '../../agent/report/gather.ts';
import { meterDay } from '../../agent/report/meter-day.ts';
import { exitCodeOf, problemsIn } from '../../agent/report/problems.ts';
import { PI } from '../host/fixtures.ts';
import { finished } from '../support/child.ts';
import { asNobody } from '../support/nobody.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** In Berlin 00:10 of the 22nd. */
const NOW_MS = Date.UTC(2026, 10, 21, 23, 10);
const METERS = 'meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]';

function place(more = ''): { stateDir: string; file: string } {
  const directory = temporaryDirectory();
  const [stateDir, file] = [join(directory, 'state'), join(directory, 'config.yaml')];
  writeFileSync(file, `stateDir: ${stateDir}\n${METERS}\n${more}`);
  return { stateDir, file };
}

function filled(stateDir: string, work: (journal: Journal) => void): void {
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  work(journal);
  journal.close();
}

const gathered = (file: string, root = '/nowhere') =>
  gatherFacts({ ...askedBy({ config: file }), version: '1', root, nowMs: NOW_MS });

test('gaps are those of the day of the zone, by cause; a gap from yesterday counts from midnight on', async () => {
  const { stateDir, file } = place('timeZone: Europe/Berlin\n');
  const midnightMs = NOW_MS - 600_000;
  filled(stateDir, (journal) => {
    journal.append(readingAt(midnightMs - 3_600_000), DECIMALS);
    journal.appendGap({ series: HOUSE, fromMs: midnightMs - 5000, toMs: midnightMs + 9000, cause: 'stopped' });
    journal.append(readingAt(midnightMs + 10_000), DECIMALS);
    journal.appendGap({ series: HOUSE, fromMs: midnightMs + 11_000, toMs: midnightMs + 11_000, cause: 'crc' });
    journal.appendGap({ series: { ...HOUSE, meter: 'other' }, fromMs: midnightMs, toMs: NOW_MS, cause: 'crc' });
    journal.append(readingAt(NOW_MS - 3000), DECIMALS);
  });
  const { meters, running } = await gathered(file);
  expect(running).toBe(false);
  expect(meters).toEqual([
    expect.objectContaining({ name: 'house', fromMs: midnightMs, points: 600, missed: { stopped: 10, crc: 1 } }),
  ]);
  expect(meters[0]?.last?.timeMs).toBe(NOW_MS - 3000);
});

test('a meter that is silent for hours beside another is found by its last reading; one of a week before is not', async () => {
  const { stateDir, file } = place();
  filled(stateDir, (journal) => {
    journal.append(readingAt(NOW_MS - 7 * 86_400_000, { ...HOUSE, meter: 'old' }), DECIMALS);
    journal.append(readingAt(NOW_MS - 8 * 3_600_000), DECIMALS);
    journal.append(readingAt(NOW_MS - 1000, { ...HOUSE, meter: 'barn' }), DECIMALS);
  });
  expect((await gathered(file)).meters[0]?.last?.timeMs).toBe(NOW_MS - 8 * 3_600_000);
  writeFileSync(file, `stateDir: ${stateDir}\n${METERS.replace('house', 'old')}\n`);
  expect((await gathered(file)).meters[0]?.last).toBeUndefined();
  // Without a configuration: the meters that were read last.
  const facts = await gatherFacts({ stateDir, version: '1', root: '/nowhere', nowMs: NOW_MS });
  expect(facts.meters.map(({ name }) => name)).toEqual(['barn']);
  expect(facts.expected).toBeUndefined();
});

test('readings of days to come, by a clock that was ahead, do not hide that a meter is silent', async () => {
  const { stateDir, file } = place();
  filled(stateDir, (journal) => {
    journal.append(readingAt(NOW_MS - 3_600_000), DECIMALS);
    for (let s = 0; s < 20; s++) journal.append(readingAt(NOW_MS + 86_400_000 + s * 1000), DECIMALS);
  });
  expect((await gathered(file)).meters[0]?.last?.timeMs).toBe(NOW_MS - 3_600_000);
  const reader = new JournalReader(stateDir);
  const own = { name: 'house', lastReading: { timeMs: NOW_MS + 86_400_000, values: {} } } as MeterStatus;
  const day = { dayMs: NOW_MS - 600_000, nowMs: NOW_MS, gaps: [] };
  expect(meterDay(reader, { name: 'house', intervalMs: 1000 }, own, day).last?.timeMs).toBe(NOW_MS - 3_600_000);
  const ownNow = { ...own, lastReading: { timeMs: NOW_MS + 900, values: {} } };
  expect(meterDay(reader, { name: 'house', intervalMs: 1000 }, ownNow, day).last?.timeMs).toBe(NOW_MS + 900);
  reader.close();
});

test('what was missed before the first reading there is counts for nothing, and names no cause', async () => {
  const { stateDir, file } = place('timeZone: Europe/Berlin\n');
  filled(stateDir, (journal) => {
    journal.appendGap({ series: HOUSE, fromMs: NOW_MS - 90_000, toMs: NOW_MS - 61_000, cause: 'timeout' });
    journal.append(readingAt(NOW_MS - 60_000), DECIMALS);
  });
  expect((await gathered(file)).meters[0]?.missed).toEqual({});
});

test('of a meter that is read each hour the points of today are those that were due', async () => {
  const { stateDir, file } = place('timeZone: Europe/Berlin\n');
  const midnightMs = NOW_MS - 600_000;
  writeFileSync(
    file,
    `stateDir: ${stateDir}\n${METERS.replace('house', 'house, interval: 1h')}\ntimeZone: Europe/Berlin\n`,
  );
  filled(stateDir, (journal) => {
    journal.append(readingAt(midnightMs - 3_600_000), DECIMALS);
    journal.appendGap({ series: HOUSE, fromMs: midnightMs, toMs: midnightMs, cause: 'timeout' });
  });
  expect((await gathered(file)).meters[0]).toMatchObject({ points: 1, missed: { timeout: 1 } });
});

test('of the machine: what is seen now, and what its metrics of the last day add', async () => {
  const { stateDir, file } = place();
  const series = { measurement: 'host', meter: 'pi', model: 'Pi' };
  const host = (timeMs: number, values: Record<string, number>) => ({
    reading: { series, timeMs, values },
    decimals: Object.fromEntries(Object.keys(values).map((name) => [name, 0])),
  });
  const DAY_MS = 86_400_000;
  filled(stateDir, (journal) => {
    const before = host(NOW_MS - DAY_MS + 30_000, { disk_free_bytes: 11e9, disk_written_bytes: 1e9 });
    const after = host(NOW_MS - 30_000, {
      disk_free_bytes: 10e9,
      disk_written_bytes: 3e9,
      under_voltage_has_occurred: 1,
    });
    for (const { reading, decimals } of [before, after]) journal.append(reading, decimals);
  });
  const { machine } = await gathered(file, PI);
  expect(machine.model).toMatch(/^Raspberry Pi/);
  expect(machine.values).toMatchObject({ cpu_temperature_celsius: 48.312, disk_total_bytes: expect.any(Number) });
  expect(machine.metricsMs).toBe(NOW_MS - 30_000);
  expect(machine.diskFullDays).toBeCloseTo(10, 1);
  expect(machine.writtenBytesPerDay).toBeCloseTo(2e9, -7);
});

test('who has the journal, and is not to be seen, is not taken for nobody', async () => {
  const { stateDir, file } = place();
  filled(stateDir, (journal) => journal.append(readingAt(NOW_MS - 1000), DECIMALS));
  const lock = CollectorLock.acquire(stateDir);
  const facts = await gathered(file);
  lock.release();
  expect([facts.running, facts.isUnseen]).toEqual([false, true]);
  const ids = problemsIn(facts).map(({ id }) => id);
  expect([ids.includes('collector-unseen'), ids.includes('collector-stopped')]).toEqual([true, false]);
  expect((await gathered(file)).isUnseen).toBe(false);
});

test('a state directory that this user may not look into is a missing right, no defect', () => {
  const { stateDir } = place();
  filled(stateDir, (journal) => journal.append(readingAt(NOW_MS - 1000), DECIMALS));
  chmodSync(stateDir, 0);
  asNobody(temporaryDirectory(), () => {
    expect(() => gatherStatus(stateDir)).toThrow(
      expect.objectContaining({ code: 'permission', message: expect.stringMatching(/^no permission to use/) }),
    );
  });
  chmodSync(stateDir, 0o700);
});

test('a configuration with mistakes is one more problem; without a place for the journal it is an end', async () => {
  const { stateDir, file } = place('journal: {retention: soon}\n');
  filled(stateDir, (journal) => journal.append(readingAt(NOW_MS - 1000), DECIMALS));
  const facts = await gathered(file);
  expect(facts.configProblem?.message).toMatch(/has 1 mistake:\n.*retention/);
  expect(problemsIn(facts).map(({ id }) => id)).toContain('config-mistakes');
  writeFileSync(file, `stateDirectory: ${stateDir}\n${METERS}\n`);
  expect((await finished(['status', '--config', file])).code).toBe(78);
});

test('status needs no secret, and shows none', async () => {
  const { stateDir, file } = place(`influxdb: {url: 'http://localhost:1', token: plantedToken123}
backup:
  recipient: age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqsn5vd9l
  stores: [{azure: 'https://a.blob.core.windows.net/c', sasFile: /nowhere/azure.sas}]
  drill: {identityFile: /nowhere/drill.key}
`);
  filled(stateDir, (journal) => journal.append(readingAt(NOW_MS - 1000), DECIMALS));
  mkdirSync(join(stateDir, 'backup'), { recursive: true });
  writeNote(stateDir, 'outcomes', {
    azure: { label: 'x', triedMs: NOW_MS, owed: 3, problem: 'PUT "https://a/c?sig=plantedSignature": 403' },
  });
  const text = await finished(['status', '--config', file]);
  const { code, out, err } = await finished(['status', '--json', '--config', file]);
  expect([text.code, code, err]).toEqual([2, 2, '']);
  expect(text.out + out).not.toMatch(/planted(Token|Signature)/);
  expect(text.out).toContain('?sig=***": 403');
  const report = JSON.parse(out) as { problems: { id: string; remedy: string }[]; servers: { name: string }[] };
  expect(report.servers).toMatchObject([{ name: 'influxdb', waiting: 1 }]);
  const ids = report.problems.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(['collector-stopped', 'backup-failed', 'backup-old']));
  for (const { remedy } of report.problems) expect(remedy).not.toBe('');
});

test('damage inside the journal, found while it is read, is told and ends with 74', async () => {
  const { stateDir, file } = place();
  filled(stateDir, (journal) => {
    for (let s = 600; s > 0; s--) journal.append(readingAt(NOW_MS - s * 1000), DECIMALS);
  });
  const { openSync, writeSync, closeSync, statSync } = await import('node:fs');
  const path = join(stateDir, 'journal.db');
  const pages = statSync(path).size / 4096;
  const fd = openSync(path, 'r+');
  // All but the header, the schema and what stands before the readings.
  for (let page = 2; page < pages; page++) writeSync(fd, Buffer.alloc(4096, 0x55), 0, 4096, page * 4096);
  closeSync(fd);
  const facts = await gathered(file);
  expect(facts.journal).toBeNull();
  expect(exitCodeOf(facts, problemsIn(facts))).toBe(74);
  expect(problemsIn(facts).map(({ id }) => id)).toContain('journal-problem');
});
