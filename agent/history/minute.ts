import { countedBetween } from './counting.ts';
import { type Coverage, hasPart, union } from './coverage.ts';
import { partAt } from './levels.ts';
import type { RawField } from './raw-layout.ts';
import type { RawReading } from './raw-readings.ts';
import {
  type Counter,
  emptyRollup,
  type Field,
  finer,
  type Gauge,
  peakOf,
  type Rollup,
  refine,
  stepOf,
} from './rollup.ts';

/** Adds up the readings of one series in one minute, in their order. */
export class MinuteBuilder {
  readonly rollup: Rollup = emptyRollup();
  readonly #without: Coverage | undefined;
  /** Of the last layout: nearly all readings of a minute have the same. */
  #layout: readonly RawField[] | undefined;
  #fields: (Field | undefined)[] = [];

  /** @param without readings in these seconds are left out */
  constructor(without?: Coverage) {
    this.#without = without;
  }

  add({ timeMs, fields, numbers }: RawReading): void {
    const part = partAt('minute', timeMs);
    if (this.#without && isCovered(this.#without, timeMs)) return;
    const { rollup } = this;
    if (this.#layout !== fields) {
      this.#layout = fields;
      this.#fields = fields.map(({ name, decimals }) => this.#known(name, decimals));
    }
    rollup.count++;
    rollup.firstMs = Math.min(rollup.firstMs, timeMs);
    rollup.lastMs = Math.max(rollup.lastMs, timeMs);
    rollup.covered = union(rollup.covered, part);
    for (let i = 0; i < fields.length; i++) {
      const number = numbers[i] ?? Number.NaN;
      const info = fields[i];
      if (Number.isNaN(number) || info === undefined) continue;
      const field = this.#fields[i];
      if (field === undefined) this.#fields[i] = this.#begin(info, number, timeMs);
      else if (field.kind === 'gauge') addToGauge(field, scaledTo(field, number, info), timeMs);
      else this.#addToCounter(field, scaledTo(field, number, info), timeMs, info);
    }
  }

  /** A field that there is already, in decimals that hold both. */
  #known(name: string, decimals: number | null): Field | undefined {
    const field = this.rollup.fields.get(name);
    if (field) refine(field, finer(field.decimals, decimals));
    return field;
  }

  #begin({ name, decimals, isCounter }: RawField, number: number, timeMs: number): Field {
    const base = { decimals, count: 1, last: number, lastMs: timeMs };
    const field: Field = isCounter
      ? { kind: 'counter', ...base, first: number, firstMs: timeMs, counted: 0, breaks: 0 }
      : { kind: 'gauge', ...base, sum: number, min: number, max: number };
    this.rollup.fields.set(name, field);
    return field;
  }

  #addToCounter(field: Counter, number: number, timeMs: number, info: RawField): void {
    if (number !== field.last) {
      const step = stepOf(field.decimals);
      const unit = field.decimals === null ? 1 : 10 ** field.decimals;
      const peakW = info.isEnergy ? peakOf(this.rollup) : 0;
      const limits = { isEnergy: info.isEnergy, peakW, step };
      const elapsedMs = timeMs - field.lastMs;
      const { amount, broken } = countedBetween(field.last / unit, number / unit, elapsedMs, limits);
      field.counted += field.decimals === null ? amount : Math.round(amount * unit);
      if (broken) field.breaks++;
    }
    field.count++;
    field.last = number;
    field.lastMs = timeMs;
  }
}

function addToGauge(field: Gauge, number: number, timeMs: number): void {
  field.count++;
  field.sum += number;
  if (number < field.min) field.min = number;
  if (number > field.max) field.max = number;
  field.last = number;
  field.lastMs = timeMs;
}

/** A number of a reading in the decimals of its field, which are finer, or none. */
function scaledTo(field: Field, number: number, { decimals }: RawField): number {
  if (field.decimals === decimals) return number;
  if (decimals === null) return number;
  return field.decimals === null ? number / 10 ** decimals : number * 10 ** (field.decimals - decimals);
}

function isCovered(covered: Coverage, timeMs: number): boolean {
  return hasPart(covered, Math.floor((timeMs % 60_000) / 1000));
}
