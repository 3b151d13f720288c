import { quantityKind } from '../../agent/readings/quantity.ts';
import type { Reading } from '../../agent/readings/reading.ts';

export interface Stretch {
  fromMs: number;
  toMs: number;
}

export function inOrder(readings: readonly Reading[]): Reading[] {
  return [...readings].sort((a, b) => a.timeMs - b.timeMs);
}

function firstFrom(readings: readonly Reading[], timeMs: number): number {
  let [low, high] = [0, readings.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((readings[middle]?.timeMs ?? 0) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What a period's readings say, computed the plain way: each value looked at once, nothing kept. @param readings in order */
export function summaryOf(readings: readonly Reading[], { fromMs, toMs }: Stretch) {
  const own = readings.slice(firstFrom(readings, fromMs), firstFrom(readings, toMs));
  const names = [...new Set(own.flatMap(({ values }) => Object.keys(values)))];
  const quantities = names.map((name) => {
    const values = own.flatMap((reading) => reading.values[name] ?? []);
    const last = values.at(-1);
    const base = { count: values.length, last };
    const kind = quantityKind(name);
    if (kind === 'counter') return [name, { kind, ...base, first: values[0] }] as const;
    const max = Math.max(...values);
    if (kind === 'flag') return [name, { kind, ...base, max }] as const;
    // Thousandths are whole: their sum is exact.
    const sum = values.reduce((total, value) => total + Math.round(value * 1000), 0) / 1000;
    const mean = Math.round((sum / values.length) * 1e6) / 1e6;
    return [name, { kind, ...base, mean, min: Math.min(...values), max }] as const;
  });
  return { count: own.length, quantities: Object.fromEntries(quantities) };
}

/** What a counter that only grows has counted in a period: between two readings it grows evenly. @param readings in order */
export function countedIn(readings: readonly Reading[], name: string, { fromMs, toMs }: Stretch): number {
  const own = readings.filter(({ values }) => values[name] !== undefined);
  let sum = 0;
  for (let i = 1; i < own.length; i++) {
    const [before, after] = [own[i - 1], own[i]];
    if (!before || !after) continue;
    const shareMs = Math.min(toMs, after.timeMs) - Math.max(fromMs, before.timeMs);
    if (shareMs <= 0) continue;
    const grown = (after.values[name] ?? 0) - (before.values[name] ?? 0);
    sum += (grown * shareMs) / (after.timeMs - before.timeMs);
  }
  return sum;
}
