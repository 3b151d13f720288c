import type { SampleCheck } from './check.ts';

/**
 * Wide enough for quantities that the meter captures some milliseconds apart, narrow enough for another register's value:
 * 5 % of the apparent power and a floor for small loads.
 */
const RELATIVE = 0.05;
const FLOOR_VA = 15;

/** The power triangle: S^2 = P^2 + Q^2. */
export const triangleCheck: SampleCheck = ({ active_power: p, reactive_power: q, apparent_power: s }) => {
  if (p === undefined || q === undefined || s === undefined) return [];
  const expected = Math.hypot(p, q);
  if (Math.abs(Math.abs(s) - expected) <= FLOOR_VA + RELATIVE * Math.max(Math.abs(s), expected)) return [];
  return [
    {
      check: 'power-triangle',
      message: `apparent power is ${s} VA, from ${p} W and ${q} var it would be ${expected.toFixed(0)}`,
    },
  ];
};

/** P = V * I * PF, signs left aside: meters differ in which of them carry the direction. */
export const powerFactorCheck: SampleCheck = ({ active_power: p, voltage: v, current: i, power_factor: pf }) => {
  if (p === undefined || v === undefined || i === undefined || pf === undefined) return [];
  const apparent = Math.abs(v * i);
  const expected = apparent * Math.abs(pf);
  if (Math.abs(Math.abs(p) - expected) <= FLOOR_VA + RELATIVE * Math.max(apparent, Math.abs(p))) return [];
  return [
    {
      check: 'power-factor',
      message: `active power is ${p} W, from ${v} V, ${i} A and ${pf} it would be ${expected.toFixed(0)}`,
    },
  ];
};
