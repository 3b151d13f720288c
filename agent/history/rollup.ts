import { type Counted, countedBetween, isEnergy } from './counting.ts';
import { type Coverage, NOTHING_COVERED, union } from './coverage.ts';

/**
 * Values of one quantity in one period. Numbers are value * 10^decimals, whole, so that sums are exact in any order; with
 * `decimals` null they are the values themselves.
 */
interface FieldBase {
  decimals: number | null;
  count: number;
  last: number;
  /** UTC ms. */
  lastMs: number;
}

/** A value of the moment, or a flag. */
export interface Gauge extends FieldBase {
  kind: 'gauge';
  sum: number;
  min: number;
  max: number;
}

export interface Counter extends FieldBase {
  kind: 'counter';
  first: number;
  firstMs: number;
  /** What was counted between its first and its last reading, across resets and maxima. */
  counted: number;
  /** How often it did not go on from its last value. */
  breaks: number;
}

export type Field = Gauge | Counter;

/** One series in one period. */
export interface Rollup {
  /** Readings. */
  count: number;
  firstMs: number;
  lastMs: number;
  covered: Coverage;
  fields: Map<string, Field>;
}

export function emptyRollup(): Rollup {
  return { count: 0, firstMs: Number.POSITIVE_INFINITY, lastMs: -1, covered: NOTHING_COVERED, fields: new Map() };
}

/** The value of a number of a field. */
export function inUnit(scaled: number, { decimals }: Pick<FieldBase, 'decimals'>): number {
  return decimals === null ? scaled : scaled / 10 ** decimals;
}

/** Of a gauge, with the error of binary sums rounded away; meters show at most four decimals. */
export function meanOf(gauge: Gauge): number {
  return Math.round((inUnit(gauge.sum, gauge) / gauge.count) * 1e6) / 1e6;
}

/** Sums and differences of such numbers are whole in a double as well. */
const MOST_EXACT = 2 ** 50;

/** Are all its numbers held exactly? */
export function isExact(field: Field): boolean {
  if (field.kind === 'counter')
    return Math.max(Math.abs(field.first), Math.abs(field.last), field.counted) < MOST_EXACT;
  return Math.max(Math.abs(field.sum), Math.abs(field.max), Math.abs(field.min) * field.count) < MOST_EXACT;
}

function scale(field: Field, factor: number): void {
  const scaled = (n: number) => (factor >= 1 ? n * factor : n / Math.round(1 / factor));
  field.last = scaled(field.last);
  if (field.kind === 'gauge') {
    field.sum = scaled(field.sum);
    field.min = scaled(field.min);
    field.max = scaled(field.max);
  } else {
    field.first = scaled(field.first);
    field.counted = scaled(field.counted);
  }
}

/** Gives a field these decimals, or none where that is not exact. @param decimals not fewer than it has */
export function refine(field: Field, decimals: number | null): void {
  if (field.decimals === decimals) return;
  const before = field.decimals ?? 0;
  scale(field, decimals === null ? 10 ** -before : 10 ** (decimals - before));
  field.decimals = decimals;
  if (decimals !== null && !isExact(field)) refine(field, null);
}

/** The decimals that hold numbers of both exactly. */
export function finer(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}

/** Adds what another part of the same period has; readings of both are different ones. `from` stays as it is. */
export function absorb(into: Rollup, from: Rollup): void {
  const [before, after] = [into.fields, from.fields];
  const peak = () => Math.max(peakOf({ fields: before }), peakOf({ fields: after }));
  for (const [name, field] of after) {
    const own = before.get(name);
    if (own === undefined) before.set(name, { ...field });
    else absorbField(own, field, name, peak);
  }
  into.count += from.count;
  into.firstMs = Math.min(into.firstMs, from.firstMs);
  into.lastMs = Math.max(into.lastMs, from.lastMs);
  into.covered = union(into.covered, from.covered);
}

function absorbField(own: Field, theirs: Field, name: string, peak: () => number): void {
  const decimals = finer(own.decimals, theirs.decimals);
  let other = theirs;
  if (other.decimals !== decimals) {
    other = { ...theirs };
    refine(other, decimals);
  }
  refine(own, decimals);
  if (other.decimals !== own.decimals) {
    // One of them was too large for whole numbers.
    other = { ...other };
    refine(other, null);
    refine(own, null);
  }
  if (own.kind === 'gauge' && other.kind === 'gauge') absorbGauge(own, other);
  else if (own.kind === 'counter' && other.kind === 'counter') absorbCounter(own, other, name, peak);
}

function absorbGauge(own: Gauge, other: Gauge): void {
  own.count += other.count;
  own.sum += other.sum;
  own.min = Math.min(own.min, other.min);
  own.max = Math.max(own.max, other.max);
  if (other.lastMs >= own.lastMs) {
    own.last = other.last;
    own.lastMs = other.lastMs;
  }
  if (own.decimals !== null && !isExact(own)) refine(own, null);
}

function absorbCounter(own: Counter, other: Counter, name: string, peak: () => number): void {
  const [a, b] = other.firstMs < own.firstMs ? [{ ...other }, { ...own }] : [own, other];
  const { counted, breaks } = joined(a, b, name, peak);
  const last = b.lastMs >= a.lastMs ? b : a;
  Object.assign(own, {
    count: a.count + b.count,
    first: a.first,
    firstMs: a.firstMs,
    last: last.last,
    lastMs: last.lastMs,
    counted,
    breaks,
  });
}

/** @param a the one that begins first */
function joined(a: Counter, b: Counter, name: string, peak: () => number): Pick<Counter, 'counted' | 'breaks'> {
  if (b.firstMs > a.lastMs) {
    const { amount, broken } = countedFrom(a, b, name, peak);
    const scaled = a.decimals === null ? amount : Math.round(amount * 10 ** a.decimals);
    return { counted: a.counted + scaled + b.counted, breaks: a.breaks + b.breaks + (broken ? 1 : 0) };
  }
  // Readings between those that are there: what was counted in between is known already, up to the last.
  const beyond = b.lastMs > a.lastMs ? Math.max(0, b.last - a.last) : 0;
  return { counted: a.counted + beyond, breaks: Math.max(a.breaks, b.breaks) };
}

/**
 * What a counter has counted from the end of one part to the beginning of a later one, in its unit.
 * @param peak the greatest power around, W; asked for when it matters
 */
export function countedFrom(a: Counter, b: Counter, name: string, peak: () => number): Counted {
  const [before, after] = [inUnit(a.last, a), inUnit(b.first, b)];
  if (before === after) return NOTHING_COUNTED;
  const step = stepOf(finer(a.decimals, b.decimals));
  return countedBetween(before, after, b.firstMs - a.lastMs, { isEnergy: isEnergy(name), peakW: peak(), step });
}

const NOTHING_COUNTED: Counted = { amount: 0, broken: false };

export const stepOf = (decimals: number | null): number => (decimals === null ? 1 : 10 ** -decimals);

const POWER = /^(?:active|reactive|apparent)_power(?:_l[123])?$/;
/** Names come again with each roll-up. */
const known = new Map<string, boolean>();

function isPower(name: string): boolean {
  let answer = known.get(name);
  if (answer === undefined) {
    answer = POWER.test(name);
    known.set(name, answer);
  }
  return answer;
}

/** The greatest power of a period, W, VA or var; 0 when there is none. */
export function peakOf({ fields }: Pick<Rollup, 'fields'>): number {
  let peak = 0;
  for (const [name, field] of fields) {
    if (field.kind !== 'gauge' || !isPower(name)) continue;
    peak = Math.max(peak, Math.abs(inUnit(field.min, field)), Math.abs(inUnit(field.max, field)));
  }
  return peak;
}

export function cloneRollup(rollup: Rollup): Rollup {
  const fields = new Map<string, Field>();
  for (const [name, field] of rollup.fields) fields.set(name, { ...field });
  return { ...rollup, fields };
}
