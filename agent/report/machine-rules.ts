import type { Facts } from './facts.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Rule } from './rule.ts';
import type { Unit } from './units.ts';
import { age, percent, size } from './words.ts';

const LEAST_DISK_SHARE = 0.1;
const HOT_CELSIUS = 80;

/** A timer that has not run for so long: some times its rhythm. */
const LATE_MS: Readonly<Record<string, number>> = {
  'energy-monitor-host-metrics.timer': 5 * MINUTE_MS,
  'energy-monitor-backup.timer': 3 * HOUR_MS,
  'energy-monitor-verify.timer': 15 * DAY_MS,
};

const POWER_REMEDY =
  'use a power supply that is strong enough (5.1 V, 3 A; a Pi 5: 5 A) with a short thick cable, and unplug what is not needed';
const HEAT_REMEDY = 'give it air or a heat sink, and see what keeps it busy (top)';

/** A unit that was masked is off on purpose. */
const isWanted = ({ file }: Unit) => file !== 'masked';
const timers = ({ units }: Facts) =>
  (units ?? []).filter(({ name, ...unit }) => name.endsWith('.timer') && isWanted({ name, ...unit }));

/** What systemd and the machine say. */
export const MACHINE_RULES: readonly Rule[] = [
  {
    id: 'unit-failed',
    severity: 'warning',
    find: ({ units }) =>
      (units ?? [])
        .filter(({ active }) => active === 'failed')
        .map(({ name, result }) => ({
          message: `${name} has failed (${result})`,
          remedy: `see why: journalctl -u ${name} -n 50; then start it again: sudo systemctl restart ${name}`,
        })),
  },
  {
    id: 'timer-off',
    severity: 'warning',
    find: (facts) =>
      timers(facts)
        .filter(({ active, file }) => active === 'inactive' || file === 'disabled')
        .map(({ name, file }) => ({
          message: `${name} is ${file === 'disabled' ? 'disabled' : 'not running'}: what it does is not done`,
          remedy: `switch it on: sudo systemctl enable --now ${name}`,
        })),
  },
  {
    id: 'timer-late',
    severity: 'warning',
    find: (facts) =>
      timers(facts).flatMap(({ name, active, sinceMs, ranMs }) => {
        const limitMs = LATE_MS[name];
        if (limitMs === undefined || active !== 'active' || sinceMs === undefined) return [];
        // What it did before it was started again says nothing: a Pi may have been off for a month.
        const lateMs = facts.nowMs - Math.max(sinceMs, ranMs ?? 0);
        if (lateMs <= limitMs) return [];
        return [
          {
            message: `${name} has not run for ${age(lateMs)}`,
            remedy: `see whether its last run goes on or hangs: systemctl status ${name} ${name.replace('.timer', '.service')}`,
          },
        ];
      }),
  },
  {
    id: 'disk-full',
    severity: 'warning',
    find: ({ machine, stateDir }) => {
      const { disk_free_bytes: free, disk_total_bytes: total } = machine.values;
      if (free === undefined || total === undefined || free / total >= LEAST_DISK_SHARE) return [];
      const days = machine.diskFullDays === undefined ? '' : `, full in about ${age(machine.diskFullDays * DAY_MS)}`;
      return [
        {
          message: `the disk of ${stateDir} has ${size(free)} left, ${percent(free / total)}${days}`,
          remedy:
            'make room (sudo apt clean, old logs and images), or keep less: journal.maxSize, retention of the stores',
        },
      ];
    },
  },
  {
    id: 'hot',
    severity: 'warning',
    find: ({ machine }) => {
      const celsius = machine.values.cpu_temperature_celsius;
      if (celsius === undefined || celsius < HOT_CELSIUS) return [];
      return [{ message: `the CPU has ${celsius.toFixed(0)} °C; a Pi slows down at 80`, remedy: HEAT_REMEDY }];
    },
  },
  {
    id: 'throttled',
    severity: 'warning',
    find: ({ machine: { values } }) => {
      const names = ['under_voltage', 'throttled', 'frequency_capped', 'soft_temperature_limit'];
      const now = names.filter((name) => values[name] === 1);
      const before = names.filter((name) => !now.includes(name) && values[`${name}_has_occurred`] === 1);
      const isPower = (flags: string[]) => flags.includes('under_voltage');
      const found = [
        ...(now.length > 0 ? [{ flags: now, when: 'now' }] : []),
        ...(before.length > 0 ? [{ flags: before, when: 'since the start of this machine' }] : []),
      ];
      return found.map(({ flags, when }) => ({
        message: `the Pi reports ${flags.join(', ').replaceAll('_', '-')} ${when}`,
        remedy: isPower([...now, ...before]) ? POWER_REMEDY : HEAT_REMEDY,
      }));
    },
  },
];
