import { findModel } from '../meters/catalogue.ts';
import { WE_515 } from '../meters/orno.ts';
import { QUANTITIES, quantityInfo } from '../readings/quantity.ts';
import type { Values } from '../readings/reading.ts';

/** What a column or field of the source is here: value in our unit = value there * factor. */
export interface Mapped {
  quantity: string;
  factor: number;
}

export type Mapping = Readonly<Record<string, Mapped>>;

/**
 * The fields of the Python energy-monitor (stesua/energy-monitor) that are named or measured otherwise: current in mA,
 * energies in Wh and varh, `power_factory` by a slip of the pen.
 */
export const SEED_MAPPING: Mapping = {
  current: { quantity: 'current', factor: 0.001 },
  power_factory: { quantity: 'power_factor', factor: 1 },
  active_energy: { quantity: 'active_energy', factor: 0.001 },
  reactive_energy: { quantity: 'reactive_energy', factor: 0.001 },
};

/** Is the field of another unit in the Python energy-monitor, and has the person not said what it is? */
export function isAmbiguous(field: string, mapping: Mapping): boolean {
  return Object.hasOwn(SEED_MAPPING, field) && !Object.hasOwn(mapping, field);
}

/** The field that only the Python energy-monitor writes. */
export const SEED_FIELD = 'power_factory';

/** The meter that the Python energy-monitor reads. */
export const SEED_MODEL = WE_515.name;

/** Value times factor, without the last digits that only a binary factor of 0.001 makes: 4231450 Wh are 4231.45 kWh. */
export function scaled(value: number, factor: number): number {
  return factor === 1 ? value : Number((value * factor).toPrecision(15));
}

export function mapValues(fields: Readonly<Record<string, number>>, mapping: Mapping): Values {
  const values: Values = {};
  for (const name in fields) {
    const value = fields[name] ?? Number.NaN;
    const mapped = Object.hasOwn(mapping, name) ? mapping[name] : undefined;
    if (mapped) values[mapped.quantity] = scaled(value, mapped.factor);
    else values[name] ??= value;
  }
  return values;
}

/** `column=quantity` or `column=quantity:factor`; a column's name may hold both signs. @returns undefined when it is neither */
export function parseMapping(text: string): (Mapped & { column: string }) | undefined {
  const match = /^(.+)=([a-z][a-z0-9_]*)(?::([+-]?[\d.]+(?:[eE][+-]?\d+)?))?$/.exec(text.trim());
  const [, column, quantity, factorText] = match ?? [];
  const factor = factorText === undefined ? 1 : Number(factorText);
  if (!column || !quantity || !quantityInfo(quantity) || !Number.isFinite(factor) || factor === 0) return undefined;
  return { column, quantity, factor };
}

export const QUANTITY_NAMES: readonly string[] = Object.keys(QUANTITIES);

/** Names for a person: what is there once for each phase, direction and tariff is said once. */
export const QUANTITY_NAMES_TEXT = `${QUANTITY_NAMES.filter((name) => !/_(?:l\d|t\d|import|export)\b/.test(name)).join(', ')}; also with _l1 to _l3 for phases, _import and _export for directions of energies, _t1 to _t4 for tariffs`;

/** Finer than most meters; what is finer still is kept as it is, in more bytes. */
const USUAL_DECIMALS = Object.fromEntries(QUANTITY_NAMES.map((name) => [name, 3]));

/** Places that a model's values are exact to. */
export function decimalsOf(model: string): Readonly<Record<string, number>> {
  const known = findModel(model);
  return known
    ? Object.fromEntries(known.fields.map(({ quantity, decimals }) => [quantity, decimals]))
    : USUAL_DECIMALS;
}
