import { type FilledPeriod, GAP_MS, type PeriodCount } from './counted.ts';
import { floorTo, HOUR_MS } from './levels.ts';
import { inUnit, type Rollup } from './rollup.ts';

const ENERGY = /^(active|reactive)_energy(_import|_export)?(_l[123])?(_t[1-4])?$/;

/**
 * Gives periods below an hour the shape of the power: a register counts in steps of 10 Wh, which are minutes of a small load.
 * What the counter has counted in an hour stays as it is; where nothing was read, nothing is shaped. A tariff's register is
 * given the shape where it alone has counted in that hour; else it keeps its steps, which tell when the tariff changed.
 * @param counts of each counter, by name, for these periods; changed
 */
export function shapeCounts(periods: readonly FilledPeriod[], counts: ReadonlyMap<string, PeriodCount[]>): void {
  const runs = runsOf(periods);
  for (const [name, own] of counts) {
    const [, kind, direction = '', phase = '', tariff] = ENERGY.exec(name) ?? [];
    if (kind === undefined) continue;
    const total = counts.get(`${kind}_energy${direction}${phase}`);
    for (const run of runs) {
      if (tariff !== undefined && !isAlone(name, tariff, own, counts, run, total)) continue;
      shapeRun(periods, own, run, `${kind}_power${phase}`, direction === '_export' ? -1 : 1);
    }
  }
}

/** First index, and the one behind the last, of periods of one hour without a gap between them. */
type Run = [from: number, to: number];

function runsOf(periods: readonly FilledPeriod[]): Run[] {
  const runs: Run[] = [];
  let open: Run | undefined;
  periods.forEach(({ fromMs, rollup }, i) => {
    const before = periods[i - 1];
    const goesOn =
      open !== undefined &&
      rollup !== undefined &&
      before?.rollup !== undefined &&
      floorTo(HOUR_MS, fromMs) === floorTo(HOUR_MS, before.fromMs) &&
      rollup.firstMs - before.rollup.lastMs <= GAP_MS;
    if (open && goesOn) open[1] = i + 1;
    else if (rollup === undefined) open = undefined;
    else {
      open = [i, i + 1];
      runs.push(open);
    }
  });
  return runs;
}

const sum = (counts: readonly PeriodCount[], [from, to]: Run) =>
  counts.slice(from, to).reduce((total, { amount }) => total + amount, 0);

/** Has no other tariff's register counted in these periods? */
function isAlone(
  name: string,
  tariff: string,
  own: readonly PeriodCount[],
  counts: ReadonlyMap<string, PeriodCount[]>,
  run: Run,
  total: readonly PeriodCount[] | undefined,
): boolean {
  if (total !== undefined && sum(own, run) === 0) return false;
  const stem = name.slice(0, -tariff.length);
  return ['_t1', '_t2', '_t3', '_t4'].every((other) => {
    const theirs = other === tariff ? undefined : counts.get(`${stem}${other}`);
    return theirs === undefined || sum(theirs, run) === 0;
  });
}

/** Spreads what was counted in a run of periods as the power was, where it had the sign that this counter counts. */
function shapeRun(
  periods: readonly FilledPeriod[],
  counts: readonly PeriodCount[],
  run: Run,
  power: string,
  sign: number,
): void {
  const all = sum(counts, run);
  if (all <= 0) return;
  const signed = weights(periods, run, power, (watts) => Math.max(0, sign * watts));
  // A meter that counts both ways in one register.
  const chosen = signed.some((weight) => weight > 0) ? signed : weights(periods, run, power, Math.abs);
  const weightSum = chosen.reduce((total, weight) => total + weight, 0);
  if (!(weightSum > 0)) return;
  chosen.forEach((weight, i) => {
    const count = counts[run[0] + i];
    if (count) count.amount = (all * weight) / weightSum;
  });
}

/** Power times time; the first and the last minute may be only partly there. */
function weights(
  periods: readonly FilledPeriod[],
  [from, to]: Run,
  power: string,
  counting: (watts: number) => number,
): number[] {
  return periods.slice(from, to).map(({ fromMs, toMs, rollup }, i) => {
    const watts = meanOf(rollup, power);
    if (watts === undefined || !rollup) return Number.NaN;
    const beginMs = i === 0 ? rollup.firstMs : fromMs;
    const endMs = i === to - from - 1 ? rollup.lastMs + 1 : toMs;
    return counting(watts) * (endMs - beginMs);
  });
}

function meanOf(rollup: Rollup | undefined, name: string): number | undefined {
  const field = rollup?.fields.get(name);
  return field?.kind === 'gauge' ? inUnit(field.sum / field.count, field) : undefined;
}
