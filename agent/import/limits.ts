import { findModel } from '../meters/catalogue.ts';
import { METER_QUANTITIES, QUANTITIES, type Unit } from '../readings/quantity.ts';

/** Least and greatest possible value, by quantity. */
export type Limits = Readonly<Record<string, { min: number; max: number }>>;

const upTo = (max: number, min = -max) => ({ min, max });

const POWER = upTo(1e9);
const ENERGY = upTo(1e9);

/** Of a meter that nobody has described: a power station's would pass. */
const BY_UNIT: Readonly<Partial<Record<Unit, { min: number; max: number }>>> = {
  Hz: upTo(1000, 0),
  V: upTo(1e6),
  A: upTo(1e6),
  W: POWER,
  var: POWER,
  VA: POWER,
  '': upTo(1),
  '°': upTo(360),
  kWh: ENERGY,
  kvarh: ENERGY,
};

const ANY_METER: Limits = Object.fromEntries(
  METER_QUANTITIES.flatMap((name) => {
    const limit = BY_UNIT[QUANTITIES[name].unit];
    return limit ? [[name, limit]] : [];
  }),
);

/** What a model can physically show; the guard lets nothing else into the journal either. */
export function limitsOf(model: string): Limits {
  const fields = findModel(model)?.fields.map(({ quantity, min, max }) => [quantity, { min, max }] as const);
  return fields ? { ...ANY_METER, ...Object.fromEntries(fields) } : ANY_METER;
}
