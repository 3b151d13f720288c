import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, type TestContext, test } from 'vitest';
import { writeNote } from '../../agent/backup/notes.ts';
import { newSinkStatus } from '../../agent/forwarding/sink-status.ts';
import { journalPath } from '../../agent/journal/database.ts';
import { readingKey } from '../../agent/journal/keys.ts';
import { QUANTITIES } from '../../agent/readings/quantity.ts';
import { CONTENT_TYPES } from '../../agent/web/metrics/exposition.ts';
import { METER } from '../support/facts.ts';
import { parsedMetrics, promtoolSays } from '../support/promtool.ts';
import { HOUSE } from '../support/readings.ts';
import {
  type BarePage,
  barePage,
  gapOutcome,
  readingOutcome,
  writeForwarding,
  writeStatus,
} from '../support/web-facts.ts';

const OPEN = 'application/openmetrics-text; version=1.0.0';
const HOUR_MS = 3_600_000;
const secondsAgo = (seconds: number) => Math.floor(Date.now() / 1000 - seconds) * 1000;

/** The classic text as samples: `name{labels}` by value. */
async function samplesOf(page: BarePage): Promise<Map<string, number>> {
  const { status, body } = await page.get('/metrics');
  expect(status).toBe(200);
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

const METERS = [
  { name: 'house', model: 'we-515', intervalMs: 1000 },
  { name: 'barn', model: 'we-516', intervalMs: 1000 },
];
const BARN = { ...HOUSE, meter: 'barn', model: 'we-516' };

test('each meter shows its newest values in base units, wholes and parts apart', async () => {
  const page = await barePage({ meters: METERS });
  page.feed.tell(readingOutcome(secondsAgo(2), { active_power: 1, active_energy: 1, active_energy_t2: 1 }));
  page.feed.tell(readingOutcome(secondsAgo(1), { active_power: 1234, power_factor: 0.98, active_energy: 4231.45 }));
  const phases = {
    voltage_l1: 230.1,
    voltage_l2: 231.2,
    voltage_l1_l2: 400.3,
    active_power: -500,
    active_power_l3: -200,
  };
  const energies = {
    active_energy_import: 0.001,
    active_energy_export: 7,
    active_energy_import_l2: 3,
    reactive_energy: 2,
  };
  page.feed.tell(readingOutcome(secondsAgo(1), { ...phases, ...energies }, BARN));
  const samples = await samplesOf(page);
  const house = 'meter="house",model="we-515"';
  const barn = 'meter="barn",model="we-516"';
  const expected = {
    [`energy_meter_active_power_watts{${house}}`]: 1234,
    [`energy_meter_power_factor_ratio{${house}}`]: 0.98,
    [`energy_meter_active_energy_joules_total{${house}}`]: 15_233_220_000,
    [`energy_meter_tariff_active_energy_joules_total{${house},tariff="t2"}`]: 3_600_000,
    [`energy_meter_active_power_watts{${barn}}`]: -500,
    [`energy_meter_phase_active_power_watts{${barn},phase="l3"}`]: -200,
    [`energy_meter_phase_voltage_volts{${barn},phase="l1"}`]: 230.1,
    [`energy_meter_phase_voltage_volts{${barn},phase="l2"}`]: 231.2,
    [`energy_meter_line_voltage_volts{${barn},between="l1_l2"}`]: 400.3,
    [`energy_meter_active_energy_import_joules_total{${barn}}`]: 3600,
    [`energy_meter_active_energy_export_joules_total{${barn}}`]: 25_200_000,
    [`energy_meter_phase_active_energy_import_joules_total{${barn},phase="l2"}`]: 10_800_000,
    [`energy_meter_reactive_energy_var_seconds_total{${barn}}`]: 7_200_000,
  };
  expect(Object.fromEntries([...samples].filter(([name]) => name in expected))).toEqual(expected);
  expect(samples.get(`energy_meter_last_reading_timestamp_seconds{${house}}`)).toBeLessThanOrEqual(Date.now() / 1000);
});

test('values of a meter that is silent are not shown as if they were of now, and when it was last read is', async () => {
  const page = await barePage({ meters: METERS });
  const readMs = secondsAgo(15);
  page.feed.tell(readingOutcome(readMs, { active_power: 1234 }));
  page.feed.tell(gapOutcome(secondsAgo(1), 'timeout'));
  page.feed.tell(readingOutcome(secondsAgo(3), { active_power: 7 }, BARN));
  page.feed.tell(gapOutcome(secondsAgo(1), 'crc', BARN));
  const names = [...(await samplesOf(page))].filter(([name]) => name.startsWith('energy_meter_'));
  expect(names).toEqual([
    ['energy_meter_last_reading_timestamp_seconds{meter="house",model="we-515"}', readMs / 1000],
    ['energy_meter_last_reading_timestamp_seconds{meter="barn",model="we-516"}', expect.any(Number)],
    // A single gap does not hide what was read three seconds before.
    ['energy_meter_active_power_watts{meter="barn",model="we-516"}', 7],
  ]);
});

test('a quantity that is read rarely is shown between its readings, and a slow meter until five of its intervals', async () => {
  const [slow] = METERS.map((meter) => ({ ...meter, intervalMs: 60_000, slowestMs: 900_000 }));
  const page = await barePage({ meters: [slow ?? METER] as never });
  page.feed.tell(readingOutcome(secondsAgo(5000), { reactive_energy: 3 }));
  page.feed.tell(readingOutcome(secondsAgo(1000), { active_power: 1, active_energy: 2 }));
  page.feed.tell(readingOutcome(secondsAgo(250), { active_power: 5 }));
  const names = [...(await samplesOf(page)).keys()].filter((name) => name.startsWith('energy_meter_a'));
  expect(names.sort()).toEqual([
    'energy_meter_active_energy_joules_total{meter="house",model="we-515"}',
    'energy_meter_active_power_watts{meter="house",model="we-515"}',
  ]);
  expect([...(await samplesOf(page)).keys()].join()).not.toContain('reactive_energy');
});

test('a thread that has just begun shows what the collector last read', async () => {
  const page = await barePage();
  const lastReading = { timeMs: secondsAgo(2), values: { active_power: 42 } };
  writeStatus(page.runtimeDirectory, { meters: [{ ...METER, lastReading }] });
  page.feed.tell(gapOutcome(secondsAgo(1), 'timeout'));
  expect((await samplesOf(page)).get('energy_meter_active_power_watts{meter="house",model="we-515"}')).toBe(42);
});

/** A machine on which everything has something to tell. */
async function fullPage(): Promise<BarePage> {
  const page = await barePage({ meters: METERS });
  const { stateDir, runtimeDirectory } = page;
  mkdirSync(stateDir);
  writeFileSync(journalPath(stateDir), 'x'.repeat(5000));
  writeFileSync(`${journalPath(stateDir)}-wal`, 'x'.repeat(100));
  const lastReading = { timeMs: secondsAgo(1), values: { active_power: 42 } };
  const gaps = { timeout: 3, crc: 1 };
  const house = { ...METER, good: 1000, gaps, suspicious: 2, lastReading };
  // On the same line.
  const barn = { ...METER, name: 'barn', model: 'tables/my "own" \\meter.yaml', good: 5 };
  writeStatus(runtimeDirectory, { meters: [house, barn] });
  const position = { key: readingKey(secondsAgo(31), 1), late: 0 };
  const held = { kind: 'retry' as const, message: 'no route', hint: undefined, sinceMs: Date.now() - HOUR_MS };
  writeForwarding(runtimeDirectory, [
    { ...newSinkStatus({ name: 'influxdb', target: 'x' }), position, written: 12, problem: held },
    { ...newSinkStatus({ name: 'influxdb/host', target: 'x' }), written: 3 },
  ]);
  const good = { sequence: 4, madeMs: secondsAgo(7200), bytes: 123_456 };
  const verified = { madeMs: secondsAgo(86_400), problems: 0 };
  writeNote(stateDir, 'outcomes', {
    usb: { label: '/mnt/usb', triedMs: secondsAgo(7200), owed: 0, good, verified },
    azure: { label: 'x', triedMs: secondsAgo(60), owed: 2, problem: 'PUT: 403', expiresMs: Date.now() + HOUR_MS },
  });
  page.feed.tell(readingOutcome(secondsAgo(1), Object.fromEntries(Object.keys(QUANTITIES).map((name) => [name, 1]))));
  page.feed.tell(readingOutcome(secondsAgo(1), { voltage_l1: 230.1 }, BARN));
  return page;
}

test('readings, gaps, lines, journal, servers and backups are counted', async () => {
  const page = await fullPage();
  await page.get('/nothing');
  const samples = await samplesOf(page);
  const house = 'meter="house",model="we-515"';
  const expected = {
    [`energy_monitor_readings_total{${house}}`]: 1000,
    [`energy_monitor_gaps_total{${house},cause="timeout"}`]: 3,
    [`energy_monitor_gaps_total{${house},cause="stopped"}`]: 0,
    [`energy_monitor_suspicious_samples_total{${house}}`]: 2,
    'energy_monitor_readings_total{meter="barn",model="tables/my \\"own\\" \\\\meter.yaml"}': 5,
    'energy_monitor_line_requests_total{line="serial:/dev/energy-meter"}': 2000,
    'energy_monitor_line_errors_total{line="serial:/dev/energy-meter",kind="timeout"}': 2,
    'energy_monitor_line_errors_total{line="serial:/dev/energy-meter",kind="crc"}': 0,
    energy_monitor_journal_size_bytes: 5100,
    energy_monitor_journal_waiting_entries: 7,
    energy_monitor_journal_writable: 1,
    energy_monitor_clock_trusted: 1,
    'energy_monitor_forwarding_lag_seconds{server="influxdb",readings="meters"}': 30,
    'energy_monitor_forwarding_up{server="influxdb",readings="meters"}': 0,
    'energy_monitor_forwarding_up{server="influxdb",readings="machine"}': 1,
    'energy_monitor_forwarding_written_readings_total{server="influxdb",readings="meters"}': 12,
    'energy_monitor_backup_last_success_size_bytes{store="usb"}': 123_456,
    'energy_monitor_backup_up{store="usb"}': 1,
    'energy_monitor_backup_up{store="azure"}': 0,
    'energy_monitor_backup_owed_tries{store="azure"}': 2,
    'energy_monitor_page_requests_total{code="404"}': 1,
    energy_monitor_page_open_streams: 0,
  };
  expect(Object.fromEntries([...samples].filter(([name]) => name in expected))).toEqual(expected);
  const names = [...samples.keys()];
  expect(names).toContain('energy_monitor_backup_last_success_timestamp_seconds{store="usb"}');
  expect(names).not.toContain('energy_monitor_backup_last_success_timestamp_seconds{store="azure"}');
  expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(10e6);
  expect(samples.get('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(samples.get('process_open_fds')).toBeGreaterThan(3);
  const startedSeconds = Date.now() / 1000 - process.uptime();
  expect(Math.abs((samples.get('process_start_time_seconds') ?? 0) - startedSeconds)).toBeLessThan(5);
});

test('a journal that cannot be written, and a clock in doubt, are told; of a collector that is gone nothing is', async () => {
  const page = await barePage();
  const problem = { message: 'the disk is full', hint: undefined, sinceMs: Date.now() };
  const clock = { doubt: 'stepped', message: 'the clock was set', confirmed: false } as const;
  writeStatus(page.runtimeDirectory, { journal: { pending: 900, problem }, clock });
  const samples = await samplesOf(page);
  const seen = ['journal_writable', 'journal_waiting_entries', 'clock_trusted'].map((name) =>
    samples.get(`energy_monitor_${name}`),
  );
  expect(seen).toEqual([0, 900, 0]);
  writeStatus(page.runtimeDirectory, { updatedMs: Date.now() - HOUR_MS });
  const old = [...(await samplesOf(page)).keys()];
  expect(old.filter((name) => /readings_total|journal|clock/.test(name))).toEqual([]);
});

/** Families that no two lines may share: a scraper takes only the first. */
function requireUnique(names: readonly string[]): void {
  expect(new Set(names).size).toBe(names.length);
}

test('promtool finds nothing wrong, in names and units either', async (context: TestContext) => {
  const page = await fullPage();
  const { body, headers } = await page.get('/metrics');
  expect(headers.get('content-type')).toBe(CONTENT_TYPES.classic);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(promtoolSays(context, body)).toBe('');
});

test('OpenMetrics is given to who asks for it, and is right to the letter', async (context: TestContext) => {
  const page = await fullPage();
  const { body, headers } = await page.get('/metrics', OPEN);
  expect(headers.get('content-type')).toBe(CONTENT_TYPES.openmetrics);
  const families = parsedMetrics(context, body, 'openmetrics');
  requireUnique(families.map(({ name }) => name));
  for (const family of families) {
    expect(family.type, family.name).not.toBe('unknown');
    expect(family.help, family.name).toMatch(/^[A-Z].*\.$/);
    requireUnique(family.samples.map(({ name, labels }) => JSON.stringify([name, labels])));
  }
  const energy = families.find(({ name }) => name === 'energy_meter_active_energy_joules');
  expect(energy).toMatchObject({ type: 'counter', unit: 'joules' });
  // Every quantity there is has its own sample.
  const ofMeters = families
    .filter(({ name }) => /^energy_meter_(?!last_)/.test(name))
    .flatMap(({ samples }) => samples);
  const ofHouse = ofMeters.filter(({ labels }) => labels.meter === 'house');
  expect(ofHouse.length).toBe(Object.keys(QUANTITIES).length);
});

test('there is no parameter', async () => {
  const page = await barePage();
  expect((await page.get('/metrics?name[]=x')).status).toBe(400);
});
