import type { Facts } from './facts.ts';
import { DAY_MS } from './rule.ts';
import type { Unit } from './units.ts';
import { age, percent, size } from './words.ts';

/** Further away is for ever. */
const FAR_DAYS = 3650;

/** One line for all services, one for all timers; none without systemd. */
export function unitLines({ units, nowMs }: Facts): string[] {
  const of = (kind: string) => (units ?? []).filter(({ name }) => name.endsWith(kind));
  const services = of('.service').map((unit) => `${shortName(unit)} ${stateOf(unit)}`);
  const timers = of('.timer').map((unit) => {
    const ran = unit.ranMs === undefined ? 'has not run yet' : `ran ${age(nowMs - unit.ranMs)} ago`;
    return `${shortName(unit)} ${unit.active === 'active' ? ran : unit.file === 'masked' ? 'masked' : 'off'}`;
  });
  return [
    ...(services.length > 0 ? [`services    ${services.join(', ')}`] : []),
    ...(timers.length > 0 ? [`timers      ${timers.join(', ')}`] : []),
  ];
}

const shortName = ({ name }: Unit) => name.replace(/^energy-monitor-/, '').replace(/\.\w+$/, '');

/** The service of a timer is mostly inactive, and well so. */
function stateOf({ active, file, restarts }: Unit): string {
  const state = file === 'masked' ? 'masked' : active === 'inactive' ? 'at rest' : active;
  return restarts > 0 ? `${state} (${restarts} restarts)` : state;
}

/** What the machine has sensors for. */
export function machineLines({ machine }: Facts): string[] {
  const { model, values, diskFullDays, writtenBytesPerDay } = machine;
  const parts: string[] = model === '' ? [] : [model];
  const { cpu_temperature_celsius: celsius, disk_free_bytes: free, disk_total_bytes: total } = values;
  if (celsius !== undefined) parts.push(`${celsius.toFixed(0)} °C`);
  if (values.under_voltage !== undefined) parts.push(throttlingText(values));
  if (free !== undefined && total !== undefined) {
    const when =
      diskFullDays !== undefined && diskFullDays < FAR_DAYS ? `, full in about ${age(diskFullDays * DAY_MS)}` : '';
    parts.push(`disk ${size(free)} of ${size(total)} free (${percent(free / total)})${when}`);
  }
  if (writtenBytesPerDay !== undefined) parts.push(`${size(writtenBytesPerDay)} a day written to it`);
  else if (values.disk_written_bytes !== undefined) {
    parts.push(`${size(values.disk_written_bytes)} written to it since the start`);
  }
  return parts.length === 0 ? [] : [`machine     ${parts.join(', ')}`];
}

function throttlingText(values: Facts['machine']['values']): string {
  const flags = Object.keys(values).filter((name) => values[name] === 1 && isFlag(name));
  return flags.length === 0 ? 'power and frequency as they should be' : flags.join(', ').replaceAll('_', '-');
}

const isFlag = (name: string) => /^(?:under_voltage|throttled|frequency_capped|soft_temperature_limit)/.test(name);
