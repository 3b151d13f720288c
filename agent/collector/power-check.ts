import { resolutionAt } from '../meters/codec.ts';
import type { MeterModel } from '../meters/model.ts';
import type { Values } from '../readings/reading.ts';
import type { Problem, SampleCheck } from './check.ts';

/**
 * Wide enough for quantities that the meter captures some milliseconds apart, narrow enough for another register's value:
 * 5 % of the apparent power and a floor for small loads.
 */
const RELATIVE = 0.05;
const FLOOR_VA = 15;
/** Steps of a coarse current (0.1 A) that the floor has room for: rounded, or cut off. */
const COARSE_STEPS = 2;

const PHASES = ['_l1', '_l2', '_l3'] as const;

/** A relation between values of one sample, with the name under which a meter may be found to break it. */
export interface NamedCheck {
  name: string;
  check: SampleCheck;
}

/** The relations that hold for a meter of this model: of one phase, or of each of three and of their sums. */
export function relationsOf(model: MeterModel): NamedCheck[] {
  const { phases, fields } = model;
  const current = fields.find(({ quantity }) => quantity === 'current' || quantity === 'current_l1');
  const stepA = current ? resolutionAt(current, 0) : 0;
  if (phases === 1) {
    return [
      { name: 'power-triangle', check: triangleCheck('') },
      { name: 'power-factor', check: powerFactorCheck('', stepA) },
    ];
  }
  return [
    { name: 'power-triangle', check: totalTriangleCheck },
    { name: 'power-triangle-phases', check: eachPhase(triangleCheck) },
    { name: 'power-factor-phases', check: eachPhase((phase) => powerFactorCheck(phase, stepA)) },
    { name: 'power-sum', check: sumCheck },
  ];
}

function eachPhase(checkOf: (phase: string) => SampleCheck): SampleCheck {
  const checks = PHASES.map(checkOf);
  return (values) => {
    const said = checks.map((check) => check(values)).filter((one) => one !== undefined);
    return said.length === 0 ? undefined : said.flat();
  };
}

const toleranceOf = (floor: number, ...powers: number[]) => floor + RELATIVE * Math.max(...powers.map(Math.abs));
const triangleProblem = (name: string, s: number, p: number, q: number): Problem => ({
  check: 'power-triangle',
  message: `${name} is ${s} VA, from ${p} W and ${q} var it would be ${Math.hypot(p, q).toFixed(0)}`,
});

/** `apparent power`, `apparent power of phase 2`. */
const named = (what: string, phase: string) => (phase === '' ? what : `${what} of phase ${phase.slice(-1)}`);

/** The power triangle: S^2 = P^2 + Q^2. */
function triangleCheck(phase: string): SampleCheck {
  return (values) => {
    const [p, q, s] = [
      values[`active_power${phase}`],
      values[`reactive_power${phase}`],
      values[`apparent_power${phase}`],
    ];
    if (p === undefined || q === undefined || s === undefined) return undefined;
    const expected = Math.hypot(p, q);
    if (Math.abs(Math.abs(s) - expected) <= toleranceOf(FLOOR_VA, s, expected)) return [];
    return [triangleProblem(named('apparent power', phase), s, p, q)];
  };
}

/**
 * Of three phases, meters give either the sum of the apparent powers or the length of the summed vectors, which differ when
 * the load is uneven: both are right, and so is what lies between.
 */
const totalTriangleCheck: SampleCheck = (values) => {
  const { active_power: p, reactive_power: q, apparent_power: s } = values;
  if (p === undefined || q === undefined || s === undefined) return undefined;
  const least = Math.hypot(p, q);
  const sum = sumOf('apparent_power', values);
  const tolerance = toleranceOf(3 * FLOOR_VA, s, least);
  if (Math.abs(s) >= least - tolerance && (sum === undefined || Math.abs(s) <= Math.max(sum, least) + tolerance))
    return [];
  return [triangleProblem('apparent power', s, p, q)];
};

/** P = V * I * PF, signs left aside: meters differ in which of them carry the direction. */
function powerFactorCheck(phase: string, stepA: number): SampleCheck {
  return (values) => {
    const p = values[`active_power${phase}`];
    const v = values[`voltage${phase}`];
    const i = values[`current${phase}`];
    const pf = values[`power_factor${phase}`];
    if (p === undefined || v === undefined || i === undefined || pf === undefined) return undefined;
    const apparent = Math.abs(v * i);
    const expected = apparent * Math.abs(pf);
    const floor = Math.max(FLOOR_VA, COARSE_STEPS * stepA * Math.abs(v));
    if (Math.abs(Math.abs(p) - expected) <= toleranceOf(floor, apparent, p)) return [];
    return [
      {
        check: 'power-factor',
        message: `${named('active power', phase)} is ${p} W, from ${v} V, ${i} A and ${pf} it would be ${expected.toFixed(0)}`,
      },
    ];
  };
}

/** The powers of the phases make up the total; apparent power does not (totalTriangleCheck). */
const sumCheck: SampleCheck = (values) => {
  const totals = (['active_power', 'reactive_power'] as const).flatMap((name) => {
    const [total, sum] = [values[name], sumOf(name, values)];
    return total === undefined || sum === undefined ? [] : [{ name, total, sum }];
  });
  if (totals.length === 0) return undefined;
  return totals.flatMap(({ name, total, sum }): Problem[] => {
    const sizes = PHASES.reduce((size, phase) => size + Math.abs(values[`${name}${phase}`] ?? 0), 0);
    if (Math.abs(total - sum) <= toleranceOf(3 * FLOOR_VA, total, sizes)) return [];
    return [{ check: 'power-sum', message: `${name} is ${total}, its phases make ${sum.toFixed(0)}` }];
  });
};

function sumOf(name: string, values: Values): number | undefined {
  const parts = PHASES.map((phase) => values[`${name}${phase}`]);
  return parts.reduce<number | undefined>(
    (sum, part) => (sum === undefined || part === undefined ? undefined : sum + part),
    0,
  );
}
