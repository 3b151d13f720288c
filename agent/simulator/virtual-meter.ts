import { encodeField } from '../meters/codec.ts';
import { fieldEnd, type MeterModel } from '../meters/model.ts';
import type { Quantity } from '../readings/quantity.ts';
import type { Values } from '../readings/reading.ts';
import type { Load } from './load.ts';

const HOUR_MS = 3_600_000;

/** Factory switch-over points of the WE-515: from 07:00 tariff 2, from 22:00 tariff 3. */
export function tariffAt(timeMs: number): 1 | 2 | 3 | 4 {
  const hour = new Date(timeMs).getHours();
  return hour >= 7 && hour < 22 ? 2 : 3;
}

/** What the meter keeps when its power fails: its counters, and when they were last right. */
export interface MeterMemory {
  timeMs: number;
  /** kWh and kvarh, unrounded, by quantity. */
  counters: Record<string, number>;
}

export interface VirtualMeterOptions {
  model: MeterModel;
  load: Load;
  /** Counters to go on from. */
  memory?: MeterMemory;
  /** How often the registers change; the real meter measures once a second. */
  stepMs?: number;
  /** Registers that the meter does not have: a read that touches one is refused. */
  illegal?: (address: number) => boolean;
  /** Largest read that the meter answers. */
  maxRegisters?: number;
  /** Told of each new state of the registers, with the time it begins. */
  onStep?: (timeMs: number, values: Values) => void;
}

/** Modbus exception codes the meter answers with (Modbus Application Protocol V1.1b3, 7). */
export type ReadResult = { registers: Buffer } | { exception: 1 | 2 | 3 };

/** A meter's registers as a function of time: a load measured, counted and rounded as the model says. */
export class VirtualMeter {
  readonly model: MeterModel;
  readonly #options: VirtualMeterOptions;
  readonly #stepMs: number;
  readonly #counters: Record<string, number>;
  #timeMs: number;
  #values: Values = {};

  constructor(options: VirtualMeterOptions, nowMs: number) {
    this.model = options.model;
    this.#options = options;
    this.#stepMs = options.stepMs ?? 1000;
    this.#counters = { ...(options.memory?.counters ?? initialCounters(options.model)) };
    this.#timeMs = this.#floor(options.memory?.timeMs ?? nowMs);
    this.#measure();
    this.advance(nowMs);
  }

  /** Brings the registers to this moment, counting what was consumed since the last. */
  advance(nowMs: number): void {
    const targetMs = this.#floor(nowMs);
    // A long absence is counted in coarse steps: nobody saw the registers meanwhile.
    while (this.#timeMs < targetMs) {
      const step = Math.min(targetMs - this.#timeMs, targetMs - this.#timeMs > HOUR_MS ? 10_000 : this.#stepMs);
      this.#count(step);
      this.#timeMs += step;
      this.#measure();
    }
  }

  /** The registers' present values, as a reading of all fields would give them. */
  values(): Values {
    return this.#values;
  }

  memory(): MeterMemory {
    return { timeMs: this.#timeMs, counters: { ...this.#counters } };
  }

  /** Answers a read as the meter does. */
  read(functionCode: number, address: number, count: number, nowMs: number): ReadResult {
    if (functionCode !== this.model.functionCode) return { exception: 1 };
    if (count < 1 || count > (this.#options.maxRegisters ?? 125)) return { exception: 3 };
    for (let register = address; register < address + count; register++) {
      if (this.#options.illegal?.(register)) return { exception: 2 };
    }
    this.advance(nowMs);
    const registers = Buffer.alloc(count * 2);
    for (const field of this.model.fields) {
      const value = this.#values[field.quantity];
      if (value !== undefined && field.address >= address && fieldEnd(field) <= address + count) {
        encodeField(field, value, registers, address);
      }
    }
    return { registers };
  }

  #floor(timeMs: number): number {
    return Math.floor(timeMs / this.#stepMs) * this.#stepMs;
  }

  #count(forMs: number): void {
    const { activeW, reactiveVar } = this.#options.load.at(this.#timeMs);
    const add = (name: string, amount: number) => {
      const tariff = `${name}_t${tariffAt(this.#timeMs)}`;
      this.#counters[name] = (this.#counters[name] ?? 0) + amount;
      if (tariff in this.#counters) this.#counters[tariff] = (this.#counters[tariff] ?? 0) + amount;
    };
    add('active_energy', (Math.max(activeW, 0) * forMs) / HOUR_MS / 1000);
    add('reactive_energy', (Math.abs(reactiveVar) * forMs) / HOUR_MS / 1000);
  }

  #measure(): void {
    const { activeW, reactiveVar, voltageV, frequencyHz } = this.#options.load.at(this.#timeMs);
    const apparentVA = Math.hypot(activeW, reactiveVar);
    const raw: Partial<Record<Quantity, number>> = {
      frequency: frequencyHz,
      voltage: voltageV,
      current: apparentVA / voltageV,
      active_power: activeW,
      reactive_power: reactiveVar,
      apparent_power: apparentVA,
      power_factor: apparentVA === 0 ? 1 : activeW / apparentVA,
      ...this.#counters,
    };
    this.#values = {};
    for (const { quantity, decimals } of this.model.fields) {
      const factor = 10 ** decimals;
      const value = raw[quantity] ?? 0;
      // Counters show whole steps that are full; gauges are rounded.
      const steps = quantity.includes('energy') ? Math.floor(value * factor + 1e-9) : Math.round(value * factor);
      this.#values[quantity] = (steps === 0 ? 0 : steps) / factor;
    }
    this.#options.onStep?.(this.#timeMs, this.#values);
  }
}

function initialCounters(model: MeterModel): Record<string, number> {
  const start: Record<string, number> = {
    active_energy: 4231.4,
    active_energy_t1: 0,
    active_energy_t2: 2890.1,
    active_energy_t3: 1341.3,
    active_energy_t4: 0,
    reactive_energy: 812.6,
    reactive_energy_t1: 0,
    reactive_energy_t2: 561.2,
    reactive_energy_t3: 251.4,
    reactive_energy_t4: 0,
  };
  const has = new Set<string>(model.fields.map((field) => field.quantity));
  return Object.fromEntries(Object.entries(start).filter(([name]) => has.has(name)));
}
