import { quantityInfo, quantityKind } from '../../readings/quantity.ts';
import { rounded } from './round.ts';

export interface GaugeCell {
  mean: number;
  min: number;
  max: number;
}

export interface CounterCell {
  last: number;
  /** Within the step, in the counter's unit. */
  counted: number;
}

/** What was read in a step of a chart, by quantity. */
export interface Step {
  fromMs: number;
  /** UTC ms, excluded. */
  toMs: number;
  cells: ReadonlyMap<string, GaugeCell | CounterCell>;
}

type Column = (number | null)[];

/** Columns of a chart; each as long as `timesMs`. */
export interface Table {
  timesMs: number[];
  quantities: Record<string, { unit: string; kind: string } & Record<string, string | Column>>;
}

/** Finer than any meter shows. */
const DECIMALS = 6;

/**
 * Steps as columns. A line that is drawn through them breaks where steps are missing: at both ends of a hole stands a step with
 * nothing in it.
 * @param isHole is something missing between these two, one of which follows the other?
 */
export function tableOf(
  steps: readonly Step[],
  names: readonly string[],
  isHole: (before: Step, after: Step) => boolean,
): Table {
  const rows = steps.flatMap((step, i) => {
    const before = steps[i - 1];
    return before && isHole(before, step) ? [...emptyBetween(before, step), step] : [step];
  });
  const quantities = names.map((name) => [name, columnsOf(rows, name)] as const);
  return { timesMs: rows.map(({ fromMs }) => fromMs), quantities: Object.fromEntries(quantities) };
}

function emptyBetween(before: Step, after: Step): Step[] {
  const [firstMs, lastMs] = [before.toMs, after.fromMs - (after.toMs - after.fromMs)];
  const times = lastMs > firstMs ? [firstMs, lastMs] : [firstMs];
  return times.map((fromMs) => ({ fromMs, toMs: fromMs, cells: new Map() }));
}

function columnsOf(rows: readonly Step[], name: string): Table['quantities'][string] {
  const isCounter = quantityKind(name) === 'counter';
  const fields = isCounter ? ['last', 'counted'] : ['mean', 'min', 'max'];
  const columns = fields.map((field) => [field, rows.map((row) => valueIn(row, name, field))] as const);
  return {
    unit: quantityInfo(name)?.unit ?? '',
    kind: isCounter ? 'counter' : 'gauge',
    ...Object.fromEntries(columns),
  };
}

function valueIn({ cells }: Step, name: string, field: string): number | null {
  const value = (cells.get(name) as Record<string, number> | undefined)?.[field];
  return value === undefined ? null : rounded(value, DECIMALS);
}
