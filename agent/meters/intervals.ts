import { QUANTITIES, type Quantity } from '../readings/quantity.ts';
import type { MeterModel } from './model.ts';

/** Quantities of a kind, by their unit. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  power: ['W', 'var', 'VA'],
  energy: ['kWh', 'kvarh'],
};

export const INTERVAL_GROUPS = Object.keys(GROUPS);

/** How closely a name says which quantity it means; 0: not this one. `voltage` means `voltage_l1` as well. */
function closeness(name: string, quantity: Quantity): number {
  // A phase has no parts: voltage_l1_l2 is no part of voltage_l1.
  const isPart = quantity.startsWith(`${name}_`) && !/_l\d$/.test(name);
  if (name === quantity || isPart) return name.length + 1;
  return GROUPS[name]?.includes(QUANTITIES[quantity].unit) ? 1 : 0;
}

/** Quantities of the model that a name of `intervals` means. */
export function meantBy(name: string, model: MeterModel): Quantity[] {
  return model.fields.map(({ quantity }) => quantity).filter((quantity) => closeness(name, quantity) > 0);
}

/**
 * The interval of each quantity that has one.
 * @param given ms by the name of a quantity, which means its phases, directions and tariffs too, or of a group; of several
 * that mean a quantity the closest counts
 */
export function intervalsOf(model: MeterModel, given: Readonly<Record<string, number>>): Map<Quantity, number> {
  const intervals = new Map<Quantity, number>();
  for (const { quantity } of model.fields) {
    const names = Object.keys(given).filter((name) => closeness(name, quantity) > 0);
    const closest = names.sort((a, b) => closeness(b, quantity) - closeness(a, quantity))[0];
    const intervalMs = closest === undefined ? undefined : given[closest];
    if (intervalMs !== undefined) intervals.set(quantity, intervalMs);
  }
  return intervals;
}
