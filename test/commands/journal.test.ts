import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { journalDays } from '../../agent/journal/segment.ts';
import { asideFiles } from '../../agent/journal/set-aside.ts';
import { finished, REPOSITORY, runCommand, runProgram } from '../support/child.ts';
import { collectFor, everything, FIRST_MS, makeTemplate } from '../support/damaged-journal.ts';
import { open, readAll } from '../support/open-journal.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { requireMounts } from '../support/requires.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const journal = (...args: string[]) => finished(['journal', ...args]);

/** Changes a byte in the data of a reading, as a card does. */
function flipIn(stateDir: string, timeMs: number): void {
  const path = join(stateDir, 'journal.db');
  const db = new DatabaseSync(path);
  const row = db.prepare('SELECT data FROM reading WHERE key = ?').get(timeMs * 1024 + 1);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  const file = readFileSync(path);
  // Copies are left over where pages were divided.
  const data = Buffer.from(row?.data as Uint8Array);
  for (let at = file.indexOf(data); at >= 0; at = file.indexOf(data)) file[at + 2] = (file[at + 2] ?? 0) ^ 8;
  writeFileSync(path, file);
}

test('check: a journal that is whole', async () => {
  const { stateDir, readings, gaps } = makeTemplate(temporaryDirectory(), 100);
  const { code, out } = await journal('check', '--state-dir', stateDir);
  expect([code, out]).toEqual([
    0,
    `${readings.size} readings and ${gaps.length} gaps in ${stateDir}\nall of it is as it was written\n`,
  ]);
});

test('check names a reading whose value has changed, readings leaves it out, and both say so', async () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 100);
  flipIn(stateDir, FIRST_MS + 50_000);
  const { code, out } = await journal('check', '--state-dir', stateDir, '--json');
  expect(code).toBe(74);
  expect(JSON.parse(out)).toMatchObject({
    readings: readings.size,
    problems: ['the reading of house at 2026-03-01T12:00:50.000Z: its checksum does not match'],
  });
  const shown = await finished(['readings', '--state-dir', stateDir, '--from', '2026-03-01', '--format', 'json']);
  expect(shown.code).toBe(0);
  expect(JSON.parse(shown.out)).toHaveLength(readings.size - 1);
  expect(shown.err).toMatch(/1 readings of this time are damaged and left out/);
});

test('check finds a day without its mark, a position ahead of all, and a broken page', async () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 600);
  const path = join(stateDir, 'journal.db');
  const db = new DatabaseSync(path);
  const [day] = journalDays(db);
  db.exec(`DELETE FROM day; UPDATE cursor SET key = ${9e15}`);
  db.close();
  expect(day?.day).toBe(20_513);
  const logical = JSON.parse((await journal('check', '--state-dir', stateDir, '--json')).out);
  expect(logical.problems).toEqual([
    'the day 2026-03-01 has no mark: it is not backed up',
    'the position of influxdb is ahead of the newest reading: use forward rewind',
  ]);
  const file = readFileSync(path);
  file.fill(0x55, 8 * 4096, 14 * 4096);
  writeFileSync(path, file);
  const { code, out } = await journal('check', '--state-dir', stateDir);
  expect(code).toBe(74);
  expect(out).toMatch(/damaged {2}the file: /);
  expect(out).toMatch(/damaged {2}its gaps: database disk image is malformed/);
});

const statsOf = async (stateDir: string, limits: Record<string, string>) => {
  const config = join(temporaryDirectory(), 'config.yaml');
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  writeFileSync(config, JSON.stringify({ stateDir, meters, journal: limits }));
  const { code, out } = await journal('stats', '--config', config, '--json');
  expect(code).toBe(0);
  return { stats: JSON.parse(out), text: (await journal('stats', '--config', config)).out };
};

test('stats tell sizes, series and which bound of the retention comes first', async () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 4000);
  const { stats, text } = await statsOf(stateDir, { maxSize: '100MB', retention: '90d' });
  expect(stats).toMatchObject({
    fileBytes: statSync(join(stateDir, 'journal.db')).size,
    series: [
      { meter: 'garage', readings: 3200, gaps: 80, fromMs: FIRST_MS },
      { meter: 'house', readings: 4000, gaps: 0, fromMs: FIRST_MS, toMs: FIRST_MS + 3_999_000 },
    ],
    retention: { maxAgeMs: 90 * 86_400_000, maxBytes: 100e6, settlesAtBytes: null },
  });
  expect(stats.bytesPerDay).toBeCloseTo((stats.usedBytes / 3999) * 86_400, -2);
  expect(stats.retention.daysHeld).toBeCloseTo(100e6 / stats.bytesPerDay, 3);
  expect(text).toMatch(
    /retention older than 90 days go; beyond 100 MB the oldest go; the size comes first, and holds about \d.* days$/m,
  );
  const roomy = await statsOf(stateDir, { maxSize: '50GB', retention: '90d' });
  expect(roomy.stats.retention.daysHeld).toBeNull();
  expect(roomy.stats.retention.settlesAtBytes).toBeCloseTo(90 * stats.bytesPerDay, 0);
  expect(roomy.text).toMatch(/the age comes first, at about \d+ MB$/m);
});

test('of less than an hour stats foretell nothing', async () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 600);
  const { stats, text } = await statsOf(stateDir, { maxSize: '100MB', retention: '90d' });
  expect(stats).toMatchObject({ bytesPerDay: null, retention: { settlesAtBytes: null, daysHeld: null } });
  expect(text).toContain('retention older than 90 days go; beyond 100 MB the oldest go\n');
});

test('compact makes the file smaller and changes nothing else', async () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 2000);
  const path = join(stateDir, 'journal.db');
  const db = new DatabaseSync(path);
  db.exec(`DELETE FROM reading WHERE key < ${(FIRST_MS + 1_900_000) * 1024}`);
  db.close();
  const [before, content] = [statSync(path).size, readAll(stateDir)];
  const { code, out } = await journal('compact', '--state-dir', stateDir);
  expect([code, out]).toEqual([0, expect.stringMatching(/^the journal took 0\.\d MB and takes 0\.\d MB now\n$/)]);
  expect(statSync(path).size).toBeLessThan(before / 2);
  expect(readAll(stateDir)).toEqual(content);
  expect((await journal('check', '--state-dir', stateDir)).code).toBe(0);
  open(stateDir).close();
  expect(asideFiles(stateDir)).toEqual([]);
});

test('compact leaves a journal alone that others have open', async () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 50);
  const collector = open(stateDir);
  const running = await journal('compact', '--state-dir', stateDir);
  expect([running.code, running.err]).toEqual([75, expect.stringMatching(/another collector.*is already writing/)]);
  collector.close();
  const other = new DatabaseSync(join(stateDir, 'journal.db'));
  other.prepare('SELECT count(*) FROM reading').get();
  const inUse = await journal('compact', '--state-dir', stateDir);
  expect([inUse.code, inUse.err]).toEqual([75, expect.stringMatching(/another process has the journal .* open/)]);
  other.close();
  expect((await journal('compact', '--state-dir', stateDir)).code).toBe(0);
});

test('compact without room for it says how much it needs', async (context) => {
  requireMounts(context);
  const disk = await SmallDisk.mount(4);
  const { stateDir } = makeTemplate(temporaryDirectory(), 50);
  copyFileSync(join(stateDir, 'journal.db'), disk.outside('journal.db'));
  const [program, args] = disk.command(process.execPath, [
    `${REPOSITORY}/agent/main.ts`,
    'journal',
    'compact',
    '--state-dir',
    disk.directory,
  ]);
  const child = runProgram(program, args);
  expect([await child.ended, child.errors()]).toEqual([74, expect.any(String)]);
  expect(child.errors()).toMatch(/compacting needs \d+ MB in .*, and \d MB are free/);
});

test('killed at any moment, compact leaves the journal as it was or compacted', async () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 3000);
  const content = readAll(stateDir);
  for (let kill = 0; kill < 6; kill++) {
    const child = runCommand(['journal', 'compact', '--state-dir', stateDir]);
    await sleep(120 + kill * 40);
    await child.end('SIGKILL');
    expect(readAll(stateDir)).toEqual(content);
    collectFor(stateDir, 0);
    expect(asideFiles(stateDir)).toEqual([]);
  }
  expect((await journal('compact', '--state-dir', stateDir)).code).toBe(0);
  expect(readdirSync(stateDir).filter((name) => name.includes('compacting'))).toEqual([]);
});

test('salvage by hand: what a file that was set aside holds, beside a running collector', async () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 200);
  const path = join(stateDir, 'journal.db');
  writeFileSync(path, readFileSync(path).fill(0, 0, 4096));
  const collector = open(stateDir, { salvage: false });
  onTestFinished(() => collector.close());
  collector.append(readingAt(FIRST_MS + 86_400_000), DECIMALS);
  const [aside] = asideFiles(stateDir);
  const { code, out } = await journal('salvage', aside?.path ?? '', '--state-dir', stateDir);
  expect([code, out.split('\n')[0]]).toEqual([
    0,
    `${readings.size} readings and 4 gaps are in the journal that were not before`,
  ]);
  expect(everything(stateDir).readings).toHaveLength(readings.size + 1);
  expect(existsSync(aside?.path ?? '')).toBe(true);
  const itself = await journal('salvage', path, '--state-dir', stateDir);
  expect([itself.code, itself.err]).toEqual([64, expect.stringMatching(/is the journal itself/)]);
});

test('status tells of a journal that cannot be read, of what was set aside, and how far it is salvaged', async () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 200);
  const path = join(stateDir, 'journal.db');
  writeFileSync(path, readFileSync(path).fill(0, 0, 4096));
  const damaged = await finished(['status', '--state-dir', stateDir]);
  expect([damaged.code, damaged.err]).toEqual([74, '']);
  expect(damaged.out).toMatch(
    /^ {2}problem {3}the journal cannot be read: journal .* is damaged: .*\n {12}-> a running collector/m,
  );
  expect(damaged.out).toMatch(/^journal {5}cannot be read, in /m);
  open(stateDir, { salvage: false }).close();
  const [aside] = asideFiles(stateDir);
  const waiting = await finished(['status', '--state-dir', stateDir]);
  expect([waiting.code, waiting.out]).toEqual([
    2,
    expect.stringContaining(`set aside   ${aside?.path}, 1 MB: it was damaged`),
  ]);
  await journal('salvage', aside?.path ?? '', '--state-dir', stateDir);
  const { out } = await finished(['status', '--state-dir', stateDir]);
  expect(out).toMatch(new RegExp(`salvage {3}done, ${readings.size} readings brought back, 1 pages and 0 rows`));
});
