import { QUANTITIES, type Quantity } from '../readings/quantity.ts';

/** What a meter can be connected to, and count. */
export interface Limits {
  /** V, of a phase against neutral. */
  voltage: readonly [number, number];
  /** A, either way. */
  current: number;
  /** VA, either way, of all phases. */
  powerVA: number;
  /** kWh and kvarh: where the counters begin anew. */
  energy: number;
}

/** Voltage between phases against that of a phase: the square root of 3, and something more. */
const BETWEEN_PHASES = 1.8;

const around = (max: number) => ({ min: -max, max });

/** Least and greatest value that such a meter can show of a quantity. */
export function rangeOf(
  quantity: Quantity,
  { voltage, current, powerVA, energy }: Limits,
): { min: number; max: number } {
  switch (QUANTITIES[quantity].unit) {
    case 'Hz':
      return { min: 40, max: 70 };
    case 'V': {
      const [min, max] = voltage;
      return /_l\d_l\d$/.test(quantity) ? { min: 0, max: Math.round(max * BETWEEN_PHASES) } : { min, max };
    }
    case 'A':
      return around(current);
    case 'W':
    case 'var':
    case 'VA':
      return around(powerVA);
    case '':
      return around(1);
    case '°':
      return around(360);
    default:
      return { min: 0, max: energy };
  }
}
