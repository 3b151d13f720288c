import type { HistorySeries, QuantityPoint } from '../../history/history.ts';
import { HOLE, spacingOf } from './spacing.ts';
import type { CounterCell, GaugeCell, Step } from './steps.ts';

type Point = HistorySeries['points'][number];

/** Points of all models that a meter was of, as steps in their order; where two share a period, it was replaced in it. */
export function rollupSteps(all: readonly HistorySeries[]): Step[] {
  const points = all.flatMap((one) => one.points).sort((a, b) => a.fromMs - b.fromMs || b.toMs - a.toMs);
  const steps: Step[] = [];
  for (let i = 0; i < points.length; ) {
    const same: Point[] = [];
    const fromMs = points[i]?.fromMs ?? 0;
    for (let point = points[i]; point?.fromMs === fromMs; point = points[++i]) same.push(point);
    steps.push({ fromMs, toMs: same[0]?.toMs ?? fromMs, cells: cellsOf(same) });
  }
  return steps;
}

/** @param intervalMs of the meter, undefined where it is not known */
export function holesIn(
  steps: readonly Step[],
  intervalMs: number | undefined,
): (before: Step, after: Step) => boolean {
  const times = steps.map(({ fromMs }) => fromMs);
  const apartMs = spacingOf(times, intervalMs) ?? 0;
  return (before, after) =>
    after.fromMs - before.fromMs > HOLE * Math.max(apartMs, before.toMs - before.fromMs) && after.fromMs > before.toMs;
}

function cellsOf(points: readonly Point[]): Step['cells'] {
  const cells = new Map<string, GaugeCell | CounterCell>();
  const names = new Set(points.flatMap(({ quantities }) => Object.keys(quantities)));
  for (const name of names) {
    const own = points.flatMap(({ quantities }) => quantities[name] ?? []);
    const cell = counterOf(own) ?? gaugeOf(own);
    if (cell) cells.set(name, cell);
  }
  return cells;
}

/** Which of the two meters came last is not known here: the other one's register is as good. */
function counterOf(points: readonly QuantityPoint[]): CounterCell | undefined {
  const own = points.filter((point) => point.kind === 'counter');
  const last = own.at(-1)?.last;
  return last === undefined ? undefined : { last, counted: own.reduce((sum, { counted }) => sum + counted, 0) };
}

function gaugeOf(points: readonly QuantityPoint[]): GaugeCell | undefined {
  const own = points.filter((point) => point.kind === 'gauge');
  if (own.length === 0) return undefined;
  const count = own.reduce((sum, point) => sum + point.count, 0);
  return {
    mean: own.reduce((sum, point) => sum + point.mean * point.count, 0) / count,
    min: Math.min(...own.map(({ min }) => min)),
    max: Math.max(...own.map(({ max }) => max)),
  };
}
