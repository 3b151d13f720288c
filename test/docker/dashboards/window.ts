import { quantityInfo } from '../../../agent/readings/quantity.ts';
import type { Values } from '../../../agent/readings/reading.ts';

interface Gauge {
  sum: number;
  count: number;
  min: number;
  max: number;
}

/** The readings of a window, as the tasks of the server roll them up. */
export class Window {
  #gauges = new Map<string, Gauge>();
  #counters: Values = {};
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get count(): number {
    return this.#count;
  }

  /** @param times so often the same */
  add(gauges: Values, counters: Values, times: number): void {
    for (const [name, value] of Object.entries(gauges)) {
      this.#merge(name, { sum: value * times, count: times, min: value, max: value });
    }
    this.#counters = counters;
    this.#count += times;
  }

  take(other: Window): void {
    for (const [name, gauge] of other.#gauges) this.#merge(name, gauge);
    this.#counters = other.#counters;
    this.#count += other.#count;
  }

  mean(name: string): number {
    const gauge = this.#gauges.get(name);
    return gauge ? gauge.sum / gauge.count : Number.NaN;
  }

  least(name: string): number {
    return this.#gauges.get(name)?.min ?? Number.NaN;
  }

  most(name: string): number {
    return this.#gauges.get(name)?.max ?? Number.NaN;
  }

  values(): Values {
    const values: Values = { count: this.#count };
    for (const [name, { sum, count, min, max }] of this.#gauges) {
      values[name] = sum / count;
      values[`${name}_min`] = min;
      values[`${name}_max`] = max;
    }
    for (const [name, value] of Object.entries(this.#counters)) {
      if (quantityInfo(name)?.kind !== 'counter') throw new Error(`${name} is no counter`);
      values[name] = value;
    }
    return values;
  }

  clear(): void {
    this.#gauges = new Map();
    this.#counters = {};
    this.#count = 0;
  }

  #merge(name: string, { sum, count, min, max }: Gauge): void {
    const gauge = this.#gauges.get(name);
    if (!gauge) {
      this.#gauges.set(name, { sum, count, min, max });
      return;
    }
    gauge.sum += sum;
    gauge.count += count;
    gauge.min = Math.min(gauge.min, min);
    gauge.max = Math.max(gauge.max, max);
  }
}
