import { propertiesIn, type UnitProperties, unitProperties } from '../system/unit-properties.ts';

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
 * @param patienceMs how long systemd is waited for, while nothing else is done
 * @returns undefined where systemd does not run (sd_booted(3)), does not answer, or has none of them
 */
export function units(root = '/', patienceMs?: number): Unit[] | undefined {
  const found = unitsOf(unitProperties(root, PROPERTIES, UNIT_NAMES, patienceMs));
  return found.length === 0 ? undefined : found;
}

/** @param text as systemctl shows it; units that are not installed are left out */
export const unitsIn = (text: string): Unit[] => unitsOf(propertiesIn(text));

function unitsOf(shown: readonly UnitProperties[]): Unit[] {
  return shown.flatMap((shownUnit) => {
    const property = (name: string) => shownUnit[name] ?? '';
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
