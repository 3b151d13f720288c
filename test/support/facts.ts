import type { MeterStatus } from '../../agent/collector/status.ts';
import type { SinkReport } from '../../agent/forwarding/forward-report.ts';
import { newSinkStatus } from '../../agent/forwarding/sink-status.ts';
import { newLineStats } from '../../agent/modbus/line-stats.ts';
import type { Facts } from '../../agent/report/facts.ts';
import type { MeterDay } from '../../agent/report/meter-day.ts';
import type { Unit } from '../../agent/report/units.ts';

/** Noon. */
export const NOW_MS = Date.UTC(2026, 10, 21, 12);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const DAY: MeterDay = {
  name: 'house',
  intervalMs: 1000,
  last: { timeMs: NOW_MS - 1000, values: { active_power: 1234, voltage: 230.1, active_energy: 4231.45 } },
  fromMs: NOW_MS - 12 * HOUR_MS,
  points: 43_200,
  missed: {},
};

export const METER: MeterStatus = {
  name: 'house',
  model: 'we-515',
  intervalMs: 1000,
  line: 'serial:/dev/energy-meter',
  connected: true,
  problem: undefined,
  plan: [],
  good: 1000,
  gaps: {},
  suspicious: 0,
  lastReading: undefined,
  lastGap: undefined,
  lineStats: { ...newLineStats(), requests: 2000, answers: 1998, timeouts: 2 },
};

export const SERVER: SinkReport = {
  name: 'influxdb',
  url: 'http://localhost:8086',
  takenMs: NOW_MS - 10_000,
  waiting: 10,
  counted: 10_000,
  quarantined: 0,
  collectorRuns: true,
  live: newSinkStatus({ name: 'influxdb', target: 'http://localhost:8086' }),
};

export const UNIT: Unit = {
  name: 'energy-monitor-collector.service',
  active: 'active',
  result: 'success',
  file: 'enabled',
  restarts: 0,
  sinceMs: NOW_MS - DAY_MS,
  ranMs: undefined,
};

export const TIMER: Unit = { ...UNIT, name: 'energy-monitor-backup.timer', ranMs: NOW_MS - HOUR_MS / 2 };

/** A machine on which all is well, with everything that there can be. */
export function wellFacts(other: Partial<Facts> = {}): Facts {
  return {
    version: '0.1.0',
    nowMs: NOW_MS,
    stateDir: '/var/lib/energy-monitor',
    running: true,
    isUnseen: false,
    collector: {
      pid: 812,
      startedMs: NOW_MS - DAY_MS,
      updatedMs: NOW_MS - 500,
      journal: { pending: 7, problem: undefined },
      clock: { doubt: undefined, message: undefined, confirmed: true },
      meters: [METER],
    },
    journal: { fromMs: NOW_MS - 30 * DAY_MS, toMs: NOW_MS - 1000, bytes: 190e6 },
    problem: undefined,
    setAside: [],
    held: [],
    history: { bytes: 2e6, fromMs: NOW_MS - 300 * DAY_MS, takenMs: NOW_MS - 600_000, zone: 'Europe/Berlin' },
    expected: { file: '/etc/energy-monitor/config.yaml', stores: ['usb'], drills: true },
    configProblem: undefined,
    units: [UNIT, TIMER],
    meters: [DAY],
    servers: [SERVER],
    backups: {
      usb: {
        label: '/mnt/usb',
        triedMs: NOW_MS - HOUR_MS / 2,
        owed: 0,
        good: { sequence: 812, madeMs: NOW_MS - HOUR_MS / 2 },
        verified: { madeMs: NOW_MS - 3 * DAY_MS, problems: 0 },
        drilled: { madeMs: NOW_MS - 3 * DAY_MS, sequence: 700, problems: 0 },
      },
    },
    machine: {
      model: 'Raspberry Pi 4 Model B',
      values: {
        cpu_temperature_celsius: 48.3,
        disk_free_bytes: 20e9,
        disk_total_bytes: 29e9,
        under_voltage: 0,
        throttled: 0,
        under_voltage_has_occurred: 0,
      },
      metricsMs: NOW_MS - 30_000,
      diskFullDays: 900,
      writtenBytesPerDay: 120e6,
    },
    ...other,
  };
}
