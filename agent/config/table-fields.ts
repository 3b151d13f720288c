import { type Limits, rangeOf } from '../meters/limits.ts';
import type { RegisterType } from '../meters/model.ts';
import { QUANTITIES, type Quantity, type Unit } from '../readings/quantity.ts';

/** What is possible where a table does not say: wide, because such a meter may be anything. */
export function defaultRange(quantity: Quantity, maxPower: number): { min: number; max: number } {
  const LEAST_VOLTAGE = 100;
  const limits: Limits = {
    voltage: [0, 1000],
    current: maxPower / LEAST_VOLTAGE,
    powerVA: maxPower,
    energy: 999_999_999,
  };
  return rangeOf(quantity, limits);
}

/** Places of values that come as floats, whose own resolution is finer than any measurement. */
const FLOAT_DECIMALS: Readonly<Record<Unit, number>> = {
  Hz: 2,
  V: 2,
  A: 3,
  W: 1,
  var: 1,
  VA: 1,
  '': 3,
  '°': 1,
  kWh: 3,
  kvarh: 3,
  s: 3,
};

const MOST_DECIMALS = 9;

/** Decimal places where a table does not say: those of the scale, or what is usual for a float. */
export function defaultDecimals(quantity: Quantity, type: RegisterType, scale: number): number {
  if (type.startsWith('float')) return FLOAT_DECIMALS[QUANTITIES[quantity].unit];
  for (let places = 0; places < MOST_DECIMALS; places++) {
    if (Math.abs(Math.round(scale * 10 ** places) / 10 ** places - scale) < 1e-12) return places;
  }
  return MOST_DECIMALS;
}

/** Bits below the sign. */
const INTEGER_RANGES: Readonly<Partial<Record<RegisterType, readonly [number, number]>>> = {
  u16: [0, 2 ** 16 - 1],
  s16: [-(2 ** 15), 2 ** 15 - 1],
  u32: [0, 2 ** 32 - 1],
  s32: [-(2 ** 31), 2 ** 31 - 1],
  u64: [0, 2 ** 64],
  s64: [-(2 ** 63), 2 ** 63],
};

/** Least and greatest value that a register can hold; undefined for floats, which hold any. */
export function holdable(type: RegisterType, scale: number): { least: number; most: number } | undefined {
  const range = INTEGER_RANGES[type];
  if (!range) return undefined;
  const [a, b] = range.map((raw) => raw * scale);
  return { least: Math.min(a ?? 0, b ?? 0), most: Math.max(a ?? 0, b ?? 0) };
}

/** Multiples of a unit: what its scale is to be multiplied by. */
const PREFIXES: Readonly<Record<string, number>> = { m: 1e-3, k: 1e3, M: 1e6, G: 1e9 };

/** What a value in a unit is to be multiplied by, to be in the quantity's own; undefined when they measure other things. */
export function factorTo(unit: Unit, given: string): number | undefined {
  const multipleOf = (text: string): [string, number] => {
    const prefix = PREFIXES[text.slice(0, 1)];
    return prefix !== undefined && text.length > 1 ? [text.slice(1), prefix] : [text, 1];
  };
  const [base, factor] = multipleOf(given);
  const [ownBase, ownFactor] = multipleOf(unit);
  return base === ownBase ? Number((factor / ownFactor).toPrecision(12)) : undefined;
}
