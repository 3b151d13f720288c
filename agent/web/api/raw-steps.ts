import { countedBetween, isEnergy } from '../../history/counting.ts';
import { ceilTo, floorTo } from '../../history/levels.ts';
import type { Period } from '../../history/periods.ts';
import { quantityKind } from '../../readings/quantity.ts';
import type { RawColumns } from './raw-columns.ts';
import { HOLE, spacingOf } from './spacing.ts';
import type { CounterCell, GaugeCell, Step } from './steps.ts';

const SECOND_MS = 1000;

interface RawStep extends Step {
  cells: Map<string, GaugeCell | CounterCell>;
  /** Of its readings. */
  firstMs: number;
  lastMs: number;
}

export interface RawSteps {
  stepMs: number;
  steps: RawStep[];
  isHole: (before: Step, after: Step) => boolean;
}

interface Asked extends Period {
  names: readonly string[];
  /** Of steps, at most. */
  points: number;
  /** The meter's, undefined where it is not known. */
  intervalMs: number | undefined;
}

/**
 * Readings in steps of whole seconds on the grid of UTC, none shorter than what is asked for is apart. Where several fall into
 * one step, their mean, least and greatest value are kept.
 */
export function rawSteps(columns: RawColumns, { fromMs, toMs, names, points, intervalMs }: Asked): RawSteps {
  const { times } = columns;
  const apartMs = Math.max(1, ...columns.values.map((values) => apartIn(times, values, intervalMs)));
  const stepMs = stepFor({ fromMs, toMs }, ceilTo(SECOND_MS, apartMs), points);
  const steps: RawStep[] = [];
  const counting = columns.values.map(() => ({ at: -1 }));
  for (const [start, end] of runsOf(times, stepMs)) {
    const stepStartMs = floorTo(stepMs, times[start] ?? 0);
    const cells = new Map<string, GaugeCell | CounterCell>();
    names.forEach((name, i) => {
      const isCounter = quantityKind(name) === 'counter';
      const last = counting[i] ?? { at: -1 };
      const cell = isCounter ? counterIn(columns, i, name, start, end, last) : gaugeIn(columns.values[i], start, end);
      if (cell) cells.set(name, cell);
    });
    const [firstMs = 0, lastMs = 0] = [times[start], times[end - 1]];
    steps.push({ fromMs: stepStartMs, toMs: stepStartMs + stepMs, cells, firstMs, lastMs });
  }
  const isHole = (before: Step, after: Step) =>
    after.fromMs > before.toMs && (after as RawStep).firstMs - (before as RawStep).lastMs > HOLE * apartMs;
  return { stepMs, steps, isHole };
}

/** A quantity can be read less often than its meter. */
function apartIn(times: readonly number[], values: readonly number[] = [], intervalMs: number | undefined): number {
  const own: number[] = [];
  for (let i = 0; i < times.length; i++) if (!Number.isNaN(values[i])) own.push(times[i] ?? 0);
  const isRarer = own.length * 2 < times.length;
  return spacingOf(own, isRarer ? undefined : intervalMs) ?? 0;
}

/** A multiple of the least step of which no more than so many touch the span. */
function stepFor({ fromMs, toMs }: Period, leastMs: number, points: number): number {
  for (let n = Math.max(1, Math.ceil((toMs - fromMs) / leastMs / points)); ; n++) {
    const stepMs = n * leastMs;
    const touched = Math.ceil(toMs / stepMs) - (n === 1 ? Math.ceil(fromMs / stepMs) : Math.floor(fromMs / stepMs));
    if (touched <= points) return stepMs;
  }
}

/** First index, and the one behind the last, of the readings of each step that has some. */
function* runsOf(times: readonly number[], stepMs: number): Generator<[start: number, end: number]> {
  for (let start = 0; start < times.length; ) {
    const stepEndMs = floorTo(stepMs, times[start] ?? 0) + stepMs;
    let end = start + 1;
    while ((times[end] ?? Number.POSITIVE_INFINITY) < stepEndMs) end++;
    yield [start, end];
    start = end;
  }
}

function gaugeIn(values: readonly number[] = [], start: number, end: number): GaugeCell | undefined {
  let [count, sum, min, max] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = start; i < end; i++) {
    const value = values[i] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    count++;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return count === 0 ? undefined : { mean: sum / count, min, max };
}

/** @param before index of the last reading before that has it; moved on */
function counterIn(
  { times, series, values, steps, peakW }: RawColumns,
  column: number,
  name: string,
  start: number,
  end: number,
  before: { at: number },
): CounterCell | undefined {
  const own = values[column] ?? [];
  const limits = { isEnergy: isEnergy(name), peakW, step: steps[column] ?? 1 };
  let counted = 0;
  let last: number | undefined;
  for (let i = start; i < end; i++) {
    const value = own[i] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    const { at } = before;
    if (at >= 0 && series[at] === series[i]) {
      counted += countedBetween(own[at] ?? 0, value, (times[i] ?? 0) - (times[at] ?? 0), limits).amount;
    }
    before.at = i;
    last = value;
  }
  return last === undefined ? undefined : { last, counted };
}
