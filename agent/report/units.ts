import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const COLLECTOR_UNIT = 'energy-monitor-collector.service';

/** Asked by name, since a pattern finds only what systemd has loaded, and it has not loaded a timer that is off. */
export const UNIT_NAMES = [
  COLLECTOR_UNIT,
  'energy-monitor-host-metrics.timer',
  'energy-monitor-host-metrics.service',
  'energy-monitor-backup.timer',
  'energy-monitor-backup.service',
  'energy-monitor-verify.timer',
  'energy-monitor-verify.service',
  'energy-monitor-stack.service',
  'energy-monitor.target',
];
const PROPERTIES = [
  'Id',
  'LoadState',
  'ActiveState',
  'Result',
  'UnitFileState',
  'NRestarts',
  'ActiveEnterTimestamp',
  'LastTriggerUSec',
];
const PATIENCE_MS = 5000;

/** A unit of the agent as systemd has it. */
export interface Unit {
  /** `energy-monitor-backup.timer`. */
  name: string;
  /** systemd's ActiveState: active, inactive, failed, activating ... */
  active: string;
  /** Why it failed: exit-code, timeout, watchdog ...; success where it did not. */
  result: string;
  /** systemd's UnitFileState: enabled, disabled, static, masked ... */
  file: string;
  restarts: number;
  /** UTC ms since when it is active; undefined where it is not. */
  sinceMs: number | undefined;
  /** Of a timer: UTC ms when it last ran. */
  ranMs: number | undefined;
}

/**
 * The agent's own units, asked in one call.
 * @param root for tests: what stands for /
 * @returns undefined where systemd does not run (sd_booted(3)), does not answer, or has none of them
 */
export function units(root = '/'): Unit[] | undefined {
  const program = join(root, 'usr/bin/systemctl');
  if (!existsSync(join(root, 'run/systemd/system')) || !existsSync(program)) return undefined;
  const args = ['show', `--property=${PROPERTIES.join(',')}`, ...UNIT_NAMES];
  // --timestamp=unix leaves out when a timer ran (systemd 252 to 257), and local times come twice in autumn.
  const env = { ...process.env, TZ: 'UTC' };
  const { stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: PATIENCE_MS, env });
  const found = unitsIn(stdout ?? '');
  return found.length === 0 ? undefined : found;
}

/** `Key=value` lines, a blank line between units (systemctl(1), show); units that are not installed are left out. */
export function unitsIn(text: string): Unit[] {
  return text.split(/\n\s*\n/).flatMap((block) => {
    const property = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(block)?.[1] ?? '';
    const name = property('Id');
    const isOff = property('LoadState') === 'masked';
    if (name === '' || (property('LoadState') !== 'loaded' && !isOff)) return [];
    return [
      {
        name,
        active: property('ActiveState'),
        result: property('Result'),
        file: isOff ? 'masked' : property('UnitFileState'),
        restarts: Number(property('NRestarts')) || 0,
        sinceMs: timeMs(property('ActiveEnterTimestamp')),
        ranMs: timeMs(property('LastTriggerUSec')),
      },
    ];
  });
}

/** `Sun 2026-11-22 03:55:32 UTC`, or nothing where it never was. */
function timeMs(text: string): number | undefined {
  const [, day, time] = /^\w+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? UTC$/.exec(text) ?? [];
  return day === undefined ? undefined : Date.parse(`${day}T${time}Z`);
}
