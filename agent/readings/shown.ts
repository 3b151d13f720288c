import type { Values } from './reading.ts';

const PHASES = ['l1', 'l2', 'l3'] as const;

/** Does a reading, or a list of names, speak of single phases? */
export function hasPhases(names: Iterable<string>): boolean {
  for (const name of names) if (/^(?:voltage|current|active_power)_l1$/.test(name)) return true;
  return false;
}

/**
 * A quantity as a person sees it: `230.1` of one phase, `230.1/231.2/229.8` of three, with - for a phase that is lacking.
 * @param decimals as many as there are without it
 * @returns undefined when the reading has none of it
 */
export function phaseText(values: Values, name: string, decimals?: number): string | undefined {
  const text = (value: number | undefined) =>
    value === undefined ? '-' : decimals === undefined ? String(value) : value.toFixed(decimals);
  const parts = PHASES.map((phase) => values[`${name}_${phase}`]);
  if (parts.some((part) => part !== undefined)) return parts.map(text).join('/');
  return values[name] === undefined ? undefined : text(values[name]);
}

/** Energy that was drawn, kWh: what the meter counts at all, or of one that counts both ways what came in. */
export function drawnEnergy(values: Values): number | undefined {
  return values.active_energy ?? values.active_energy_import;
}
