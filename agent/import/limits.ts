import { findModel } from '../meters/catalogue.ts';

/** Least and greatest possible value, by quantity. */
export type Limits = Readonly<Record<string, { min: number; max: number }>>;

const upTo = (max: number, min = -max) => ({ min, max });

const POWER = upTo(1e9);
const ENERGY = upTo(1e9);

/** Of a meter that nobody has described: a power station's would pass. */
const ANY_METER: Limits = {
  frequency: upTo(1000, 0),
  voltage: upTo(1e6),
  current: upTo(1e6),
  active_power: POWER,
  reactive_power: POWER,
  apparent_power: POWER,
  power_factor: upTo(1),
  ...Object.fromEntries(
    ['active_energy', 'reactive_energy']
      .flatMap((name) => [name, `${name}_t1`, `${name}_t2`, `${name}_t3`, `${name}_t4`])
      .map((name) => [name, ENERGY]),
  ),
};

/** What a model can physically show; the guard lets nothing else into the journal either. */
export function limitsOf(model: string): Limits {
  const fields = findModel(model)?.fields.map(({ quantity, min, max }) => [quantity, { min, max }] as const);
  return fields ? { ...ANY_METER, ...Object.fromEntries(fields) } : ANY_METER;
}
