import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../config/scalars.ts';
import { MODEL_NAMES } from '../meters/model-names.ts';
import type { Zone } from '../system/zone.ts';

export const DEFAULT_CONFIG = '/etc/energy-monitor/config.yaml';

export const configOption = (): Option =>
  new Option('-c, --config <file>', 'configuration file').env('ENERGY_MONITOR_CONFIG').default(DEFAULT_CONFIG);

export const stateDirOption = (): Option =>
  new Option('--state-dir <dir>', 'state directory, instead of the one that the configuration names').env(
    'ENERGY_MONITOR_STATE_DIR',
  );

/** The state directory of a command that needs nothing else of the configuration: named directly, or by it. */
export async function stateDirOf(options: { config: string; stateDir?: string }): Promise<string> {
  return (await placeOf(options)).stateDir;
}

/** The same with the zone that the configuration names, when it is asked. */
export async function placeOf(options: {
  config: string;
  stateDir?: string;
}): Promise<{ stateDir: string; timeZone?: string | undefined }> {
  if (options.stateDir !== undefined) return { stateDir: options.stateDir };
  // Parser and schema are most of a short command's CPU time: only what reads a configuration loads them.
  const { loadConfig } = await import('../config/load.ts');
  return loadConfig(options.config);
}

export function durationArgument(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('Write a duration such as 30s, 5m, 2h or 7d.');
  return ms;
}

export function wholeNumberArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`Use a whole number from ${min} to ${max}.`);
    return value;
  };
}

/** A model by its name, or a register table by its path; a mistyped one is refused before anything is made. */
export const modelOption = (description: string): Option =>
  new Option('--model <name>', `${description}: ${MODEL_NAMES.join(', ')}, or a register table such as ./my-meter.yaml`)
    .argParser((text) => {
      if (text.includes('/') || /\.ya?ml$/i.test(text) || MODEL_NAMES.some((name) => name === text)) return text;
      throw new InvalidArgumentError(`Allowed choices are ${MODEL_NAMES.join(', ')}, or the path of a register table.`);
    })
    .default('we-515');

/** The same for a place that is known later. @returns what takes its zone and gives UTC ms */
export function timeInZoneArgument(text: string): (zone: Zone) => number {
  const systemMs = timeArgument(text);
  const hasZone = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text.trim()) && text.trim().length > 10;
  if (hasZone) return () => systemMs;
  const [day = '', time = '00:00'] = text.trim().split(/[T ]/);
  return (zone) => zone.firstAt(Date.parse(`${day}T${time}Z`));
}

/** UTC ms of `2026-11-21`, `2026-11-21 12:00` (local time) or `2026-11-21T11:00:00Z`. */
export function timeArgument(text: string): number {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/.exec(
    text.trim(),
  );
  const [whole = '', day = ''] = match ?? [];
  if (match && !isDay(day)) throw new InvalidArgumentError(`There is no day ${day}.`);
  const ms = match ? Date.parse(whole === day ? `${day}T00:00:00` : whole.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('Write a time such as 2026-11-21, "2026-11-21 12:00" or 2026-11-21T11:00:00Z.');
  return ms;
}

/** Date.parse takes 31 February for 3 March. */
function isDay(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
