import { isDeepStrictEqual } from 'node:util';
import type { Config, MeterConfig } from '../config/schema.ts';

/** What another configuration changes for the meters, by their names. */
export interface MeterChanges {
  added: MeterConfig[];
  /** Anything of them: interval, unit, line, model. */
  changed: MeterConfig[];
  removed: string[];
}

export function meterChanges(before: readonly MeterConfig[], after: readonly MeterConfig[]): MeterChanges {
  const known = new Map(before.map((meter) => [meter.name, meter]));
  const wanted = new Set(after.map(({ name }) => name));
  return {
    added: after.filter(({ name }) => !known.has(name)),
    changed: after.filter((meter) => {
      const old = known.get(meter.name);
      return old !== undefined && !isDeepStrictEqual(old, meter);
    }),
    removed: before.map(({ name }) => name).filter((name) => !wanted.has(name)),
  };
}

/** Keys of the configuration that differ and are read at the start alone. */
export function restartKeys(before: Config, after: Config): string[] {
  const keys = before.stateDir === after.stateDir ? [] : ['stateDir'];
  for (const key of Object.keys({ ...before.journal, ...after.journal }) as (keyof Config['journal'])[]) {
    if (!isDeepStrictEqual(before.journal[key], after.journal[key])) keys.push(`journal.${key}`);
  }
  return keys;
}
