import { expect, test } from 'vitest';
import type { Outcome } from '../../agent/backup/outcome.ts';
import type { CollectorStatus } from '../../agent/collector/status.ts';
import type { SinkReport } from '../../agent/forwarding/forward-report.ts';
import type { SinkStatus } from '../../agent/forwarding/sink-status.ts';
import type { Facts } from '../../agent/report/facts.ts';
import { exitCodeOf, problemsIn, RULES } from '../../agent/report/problems.ts';
import { DAY, METER, NOW_MS, SERVER, TIMER, UNIT, wellFacts } from '../support/facts.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const WELL = wellFacts();
const collector = (other: Partial<CollectorStatus>): Partial<Facts> => ({
  collector: { ...(WELL.collector as CollectorStatus), ...other },
});
const store = (other: Partial<Outcome>): Partial<Facts> => ({
  backups: { usb: { ...(WELL.backups.usb as Outcome), ...other } },
});
const server = (other: Partial<SinkReport>, live: Partial<SinkStatus> = {}): Partial<Facts> => ({
  servers: [{ ...SERVER, live: { ...(SERVER.live as SinkStatus), ...live }, ...other }],
});
const machine = (values: Record<string, number>): Partial<Facts> => ({
  machine: { ...WELL.machine, values: { ...WELL.machine.values, ...values } },
});
const silent = (seconds: number, intervalMs = 1000): Partial<Facts> => ({
  meters: [{ ...DAY, intervalMs, last: { timeMs: NOW_MS - seconds * 1000, values: {} } }],
});
const journal = { message: 'the disk is full', hint: 'make room there', sinceMs: 0 };
const ASIDE = { path: '/var/lib/energy-monitor/journal.db.damaged-1', bytes: 5e6, salvage: undefined };
const HELD = { boot: 'a', offsetMs: 0, readings: 12, fromMs: 0, toMs: 1, meters: ['house'] };

test('a machine on which all is well has no problem, also one without systemd, servers, backups and sensors', () => {
  expect(problemsIn(WELL)).toEqual([]);
  const bare = wellFacts({
    units: undefined,
    servers: [],
    backups: {},
    expected: { file: 'config.yaml', stores: undefined, drills: false },
    machine: { model: '', values: {}, metricsMs: undefined, diskFullDays: undefined, writtenBytesPerDay: undefined },
  });
  expect(problemsIn(bare)).toEqual([]);
  expect(problemsIn({ ...bare, expected: undefined })).toEqual([]);
});

/** Id, what is different, and what message and remedy say. */
const CASES: readonly [string, Partial<Facts>, RegExp, RegExp][] = [
  ['collector-stopped', { running: false }, /not running/, /sudo systemctl start energy-monitor-collector/],
  [
    'collector-stopped',
    { running: false, units: undefined },
    /not running/,
    /^start it: energy-monitor collect --conf/,
  ],
  ['collector-unseen', { running: false, isUnseen: true }, /somebody writes to the journal/, /member of the group/],
  [
    'collector-stuck',
    collector({ updatedMs: NOW_MS - 4 * MINUTE_MS }),
    /said nothing for 4 min \(process 812\)/,
    /resta/,
  ],
  ['reading-old', silent(11), /^house gives no reading for 11 s$/, /energy-monitor doctor/],
  [
    'reading-old',
    {
      ...silent(60),
      ...collector({ meters: [{ ...METER, problem: { message: '/dev/ttyUSB0 is not there', hint: 'plug it in' } }] }),
    },
    /no reading for 60 s: \/dev\/ttyUSB0 is not there$/,
    /^plug it in$/,
  ],
  [
    'reading-old',
    { meters: [{ ...DAY, last: undefined }], ...collector({ startedMs: NOW_MS - MINUTE_MS }) },
    /^house gives no reading since its start 60 s ago$/,
    /doctor/,
  ],
  [
    'meter-not-read',
    { meters: [DAY, { ...DAY, name: 'barn', last: undefined }] },
    /^barn stands in .*config.yaml/,
    /systemctl reload/,
  ],
  ['gaps', { meters: [{ ...DAY, missed: { crc: 40, timeout: 393 } }] }, /lacks 1.0 % .*393 timeout, 40 crc/, /wires A/],
  [
    'gaps',
    { meters: [{ ...DAY, intervalMs: 60_000, points: 720, missed: { busy: 8 } }] },
    /1.1 %.*8 busy/,
    /intervals/,
  ],
  [
    'reload-failed',
    collector({ reload: { timeMs: NOW_MS - 65_000, problem: 'x has:\n  line 3' } }),
    /65 s.*x has: line 3/,
    /check/,
  ],
  [
    'config-mistakes',
    { configProblem: { message: 'x has 1 mistake:\n  line 1', hint: undefined } },
    /x has 1 mistake: line 1/,
    /config check/,
  ],
  [
    'journal-problem',
    { problem: journal, ...collector({ journal: { pending: 90, problem: journal } }) },
    /cannot be written: the disk is full; 90 readings/,
    /make room/,
  ],
  ['journal-problem', { problem: journal, journal: null }, /cannot be read: the disk is full/, /make room/],
  ['journal-set-aside', { setAside: [ASIDE] }, /set aside: .*damaged-1, 5.0 MB/, /brings back in the background/],
  ['journal-held', { held: [HELD] }, /^12 readings wait without a time/, /journal held list --config \/etc/],
  [
    'clock-doubt',
    { held: [HELD], ...collector({ clock: { doubt: 'stepped', message: 'it was set', confirmed: false } }) },
    /it was set/,
    /time server/,
  ],
  ['history-damaged', { history: { problem: 'no database' } }, /roll-ups cannot be read: no database/, /anew/],
  [
    'server-refuses',
    server({}, { problem: { kind: 'hold', message: '401', hint: 'a new token', sinceMs: 0 } }),
    /influxdb refuses readings: 401/,
    /^a new token$/,
  ],
  [
    'server-late',
    server({ takenMs: NOW_MS - HOUR_MS, waiting: 3600 }, { catchingUp: true }),
    /60 min late, 3600 readings wait/,
    /wait/,
  ],
  [
    'server-late',
    server(
      { takenMs: null, waiting: 10_000 },
      { problem: { kind: 'retry', message: 'no answer', hint: 'is it up?', sinceMs: 0 } },
    ),
    /has nothing yet, 10000 or more readings wait: no answer/,
    /is it up/,
  ],
  ['forwarding-stopped', server({ live: undefined }), /sends nothing to influxdb/, /reload/],
  [
    'quarantine',
    server({ quarantined: 3 }, { lastRefusal: 'no float' }),
    /refused 3 readings for good: no float/,
    /quarantine list --config/,
  ],
  [
    'backup-failed',
    store({ problem: 'no room', owed: 2 }),
    /no whole backup in usb: no room \(2 times in a row\)/,
    /backup run --store usb --config/,
  ],
  [
    'backup-old',
    store({ good: { sequence: 9, madeMs: NOW_MS - 3.1 * HOUR_MS } }),
    /in usb is 3 h old/,
    /energy-monitor-backup.timer/,
  ],
  ['backup-old', { backups: {}, units: undefined }, /no backup in usb yet/, /cron/],
  ['backup-retention-held', store({ left: 'the clock is in doubt' }), /no old backup goes from usb/, /prune --dry-run/],
  ['verify-failed', store({ verified: { madeMs: NOW_MS, problems: 2 } }), /2 problems found/, /verify --store usb/],
  [
    'verify-old',
    store({ verified: { madeMs: NOW_MS - 16 * DAY_MS, problems: 0 } }),
    /not been verified for 16 days/,
    /verify/,
  ],
  [
    'drill-failed',
    store({ drilled: { madeMs: NOW_MS, sequence: 4, problems: 1 } }),
    /1 problem found when backup 4/,
    /drill --store/,
  ],
  ['drill-failed', store({ drilled: { madeMs: NOW_MS, failed: 'no key' } }), /on trial: no key/, /drill --store/],
  [
    'drill-old',
    store({ drilled: { madeMs: NOW_MS - 16 * DAY_MS, sequence: 4, problems: 0 } }),
    /for 16 days no backup/,
    /drill --config/,
  ],
  [
    'sas-ends',
    store({ expiresMs: NOW_MS + 29 * DAY_MS }),
    /credential of usb ends in 29 days, on 2026-12-20/,
    /azure grant/,
  ],
  ['sas-ends', store({ expiresMs: NOW_MS - DAY_MS }), /has ended on 2026-11-20/, /azure grant/],
  [
    'unit-failed',
    { units: [UNIT, { ...TIMER, name: 'energy-monitor-backup.service', active: 'failed', result: 'exit-code' }] },
    /backup.service has failed \(exit-code\)/,
    /journalctl -u energy-monitor-backup.service/,
  ],
  [
    'timer-off',
    { units: [UNIT, { ...TIMER, file: 'disabled' }] },
    /backup.timer is disabled/,
    /enable --now energy-monitor-backup.timer/,
  ],
  ['timer-off', { units: [UNIT, { ...TIMER, active: 'inactive' }] }, /backup.timer is not running/, /enable --now/],
  [
    'timer-late',
    { units: [UNIT, { ...TIMER, ranMs: NOW_MS - 4 * HOUR_MS }] },
    /has not run for 4 h/,
    /systemctl status/,
  ],
  ['timer-late', { units: [UNIT, { ...TIMER, ranMs: undefined }] }, /has not run for 24 h/, /systemctl status/],
  ['disk-full', machine({ disk_free_bytes: 2e9 }), /2.0 GB left, 6.9 %, full in about 900 days/, /make room/],
  ['hot', machine({ cpu_temperature_celsius: 80 }), /80 °C/, /heat sink/],
  ['throttled', machine({ throttled: 1 }), /reports throttled now/, /heat sink/],
  ['throttled', machine({ under_voltage_has_occurred: 1 }), /under-voltage since the start/, /power supply/],
];

test.for(CASES)('%s is found, told and remedied', ([id, other, message, remedy]) => {
  const problems = problemsIn(wellFacts(other));
  expect(problems.map((problem) => problem.id)).toEqual([id]);
  expect(problems[0]?.message).toMatch(message);
  expect(problems[0]?.remedy).toMatch(remedy);
  expect(problems[0]?.message + (problems[0]?.remedy ?? '')).not.toContain('\n');
});

test('each rule has its case', () => {
  expect(RULES.map(({ id }) => id).filter((id) => !CASES.some(([one]) => one === id))).toEqual([]);
  expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
});

/** What is just not a problem. */
const BORDERS: readonly [string, Partial<Facts>][] = [
  ['a reading of ten seconds', silent(10)],
  ['a meter that is read each minute', silent(299, 60_000)],
  ['a meter that has just been started', { ...silent(9000), ...collector({ startedMs: NOW_MS - 9000 }) }],
  ['a hundredth of gaps', { meters: [{ ...DAY, missed: { timeout: 432 } }] }],
  [
    'some seconds soon after midnight',
    { meters: [{ ...DAY, fromMs: NOW_MS - MINUTE_MS, points: 60, missed: { crc: 20 } }] },
  ],
  ['a server that got the first reading after a pause', server({ takenMs: NOW_MS - HOUR_MS, waiting: 1 })],
  [
    'a server that is ten minutes late',
    server({ takenMs: NOW_MS - 10 * MINUTE_MS, waiting: 600 }, { catchingUp: true }),
  ],
  ['a machine without any reading yet', { meters: [], journal: { fromMs: null, toMs: null, bytes: 0 }, backups: {} }],
  ['a forwarding that is to begin', { ...server({ live: undefined }), ...collector({ startedMs: NOW_MS - 5000 }) }],
  ['three hours without a backup', store({ good: { sequence: 9, madeMs: NOW_MS - 3 * HOUR_MS } })],
  ['a store that is no longer configured', { backups: { ...WELL.backups, old: { label: 'x', triedMs: 0, owed: 9 } } }],
  ['15 days without a check', store({ verified: { madeMs: NOW_MS - 15 * DAY_MS, problems: 0 } })],
  ['a SAS of 31 days', store({ expiresMs: NOW_MS + 31 * DAY_MS })],
  ['a timer that is masked', { units: [UNIT, { ...TIMER, file: 'masked', active: 'inactive', ranMs: undefined }] }],
  [
    'a timer after a month without power',
    { units: [UNIT, { ...TIMER, sinceMs: NOW_MS - HOUR_MS, ranMs: NOW_MS - 30 * DAY_MS }] },
  ],
  ['a tenth of the disk', machine({ disk_free_bytes: 2.9e9 })],
  ['79 degrees', machine({ cpu_temperature_celsius: 79.9 })],
];

test.for(BORDERS)('%s is no problem', ([, other]) => {
  expect(problemsIn(wellFacts(other))).toEqual([]);
});

test('never verified and never tried are told, drills only where a key is configured for them', () => {
  const fresh = store({});
  delete fresh.backups?.usb?.verified;
  delete fresh.backups?.usb?.drilled;
  const found = problemsIn(wellFacts(fresh));
  expect(found.map(({ id, message }) => [id, message])).toEqual([
    ['verify-old', 'the backups in usb have never been verified'],
    ['drill-old', 'no backup has ever been restored on trial'],
  ]);
  const expected = { file: 'config.yaml', stores: ['usb'], drills: false };
  expect(problemsIn(wellFacts({ ...fresh, expected })).map(({ id }) => id)).toEqual(['verify-old']);
  // A machine that was set up yesterday has had no week for it.
  const { journal } = wellFacts({});
  const young = journal && { ...journal, fromMs: NOW_MS - DAY_MS };
  expect(problemsIn(wellFacts({ ...fresh, journal: young }))).toEqual([]);
});

test('of a collector that is off nothing else is told that comes of it', () => {
  const off = { running: false, ...silent(9000), ...server({ live: undefined, takenMs: null, waiting: 10_000 }) };
  expect(problemsIn(wellFacts(off)).map(({ id }) => id)).toEqual(['collector-stopped']);
});

test('exit codes: 0, 1 for what can wait, 2 for readings that are lost, 74 without a journal; the worst comes first', () => {
  const code = (other: Partial<Facts>) => {
    const facts = wellFacts(other);
    return exitCodeOf(facts, problemsIn(facts));
  };
  expect(code({})).toBe(0);
  expect(code({ held: [HELD] })).toBe(1);
  expect(code({ held: [HELD], running: false })).toBe(2);
  expect(code({ journal: null, problem: journal })).toBe(74);
  const [first] = problemsIn(wellFacts({ ...machine({ throttled: 1 }), ...silent(60) }));
  expect(first).toMatchObject({ id: 'reading-old', severity: 'critical' });
});
