import type { History } from '../../history/history.ts';
import type { Period } from '../../history/periods.ts';
import type { RawField } from '../../history/raw-layout.ts';

const POWERS = ['active_power', 'reactive_power', 'apparent_power'];

/** One reading after the other, of all models of a meter: a row of numbers, NaN where it has none of a quantity. */
export interface RawColumns {
  times: number[];
  /** Index of the series, which tells where another meter begins. */
  series: number[];
  /** By quantity. */
  values: number[][];
  /** The least step of each quantity; 1 where that is not known. */
  steps: number[];
  /** The greatest power that was read, W; 0 when it is not known. */
  peakW: number;
}

/** Readings of a meter in a span, in their order. @throws AgentError when they cannot be read */
export function rawColumns(history: History, range: Period & { meter: string }, names: readonly string[]): RawColumns {
  const columns: RawColumns = {
    times: [],
    series: [],
    values: names.map(() => []),
    steps: names.map(() => 1),
    peakW: 0,
  };
  const series: string[] = [];
  let layout: readonly RawField[] | undefined;
  let at: number[] = [];
  let powers: number[] = [];
  for (const { key, timeMs, fields, numbers } of history.readings(range)) {
    if (layout !== fields) {
      layout = fields;
      const indexOf = (name: string) => fields.findIndex((field) => field.name === name);
      at = names.map(indexOf);
      powers = POWERS.map(indexOf).filter((index) => index >= 0);
      at.forEach((index, i) => {
        const decimals = fields[index]?.decimals;
        if (typeof decimals === 'number') columns.steps[i] = Math.min(columns.steps[i] ?? 1, 10 ** -decimals);
      });
    }
    let own = series.indexOf(key);
    if (own < 0) own = series.push(key) - 1;
    columns.times.push(timeMs);
    columns.series.push(own);
    for (let i = 0; i < at.length; i++) columns.values[i]?.push(valueAt(fields, numbers, at[i] ?? -1));
    for (const index of powers) columns.peakW = Math.max(columns.peakW, Math.abs(valueAt(fields, numbers, index)) || 0);
  }
  return columns;
}

function valueAt(fields: readonly RawField[], numbers: Float64Array, index: number): number {
  const number = numbers[index] ?? Number.NaN;
  const decimals = fields[index]?.decimals ?? null;
  return decimals === null ? number : number / 10 ** decimals;
}
