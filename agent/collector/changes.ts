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

/** Keys that a running collector takes over, or does not need. */
const APPLIED = new Set(['meters', 'influxdb', 'backup', 'web']);

/** Keys of the configuration that differ and are read at the start alone, such as `journal.flushInterval`. */
export function restartKeys(before: Config, after: Config): string[] {
  return differing(before, after).filter((path) => !APPLIED.has(path.split('.')[0] ?? ''));
}

function differing(before: object, after: object, prefix = ''): string[] {
  const [old, wanted] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  return [...new Set([...old.keys(), ...wanted.keys()])].flatMap((key) => {
    const [was, is]: unknown[] = [old.get(key), wanted.get(key)];
    if (isDeepStrictEqual(was, is)) return [];
    return isMapping(was) && isMapping(is) ? differing(was, is, `${prefix}${key}.`) : [`${prefix}${key}`];
  });
}

const isMapping = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
