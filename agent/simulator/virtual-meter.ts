import { decodeField, encodeField } from '../meters/codec.ts';
import type { Reached } from '../meters/identify.ts';
import { type Field, fieldEnd, type MeterModel } from '../meters/model.ts';
import { quantityInfo } from '../readings/quantity.ts';
import type { Values } from '../readings/reading.ts';
import { type Counters, count, initialCounters } from './counters.ts';
import type { Load } from './load.ts';
import { measure } from './measured.ts';
import type { ServiceMemory } from './service-memory.ts';
import { type Setting, settingsOf } from './settings.ts';

const HOUR_MS = 3_600_000;

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
  /** Largest read that the meter answers; the model's by default. */
  maxRegisters?: number;
  /** What it is set to; as it leaves the factory by default. */
  reached?: Reached;
  /** Clock, tariffs and settings, which can be written; none without it. */
  service?: ServiceMemory;
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
  readonly #counters: Counters;
  readonly #settings: readonly Setting[];
  #timeMs: number;
  #values: Values = {};

  constructor(options: VirtualMeterOptions, nowMs: number) {
    this.model = options.model;
    this.#options = options;
    this.#stepMs = options.stepMs ?? 1000;
    this.#counters = { ...initialCounters(options.model), ...options.memory?.counters };
    this.#settings = settingsOf(options.model, options.reached ?? options.model.serial);
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
      count(this.#counters, this.model, this.#options.load.at(this.#timeMs), this.#timeMs, step);
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
  read(functionCode: number, address: number, registerCount: number, nowMs: number): ReadResult {
    const inSpace = (one: { functionCode: number }) => one.functionCode === functionCode;
    const fields = this.model.fields.filter(inSpace);
    const settings = this.#settings.filter(inSpace);
    if (fields.length + settings.length === 0) return { exception: 1 };
    const end = address + registerCount;
    if (registerCount < 1 || registerCount > (this.#options.maxRegisters ?? this.model.maxBlock))
      return { exception: 3 };
    for (let register = address; register < end; register++) {
      if (this.#options.illegal?.(register)) return { exception: 2 };
    }
    this.advance(nowMs);
    const registers = Buffer.alloc(registerCount * 2);
    for (const setting of settings) {
      const isWhole = setting.address >= address && setting.address + setting.count <= end;
      if (isWhole) setting.registers.copy(registers, (setting.address - address) * 2);
    }
    for (const field of fields) {
      const value = this.#values[field.quantity];
      if (value !== undefined && field.address >= address && fieldEnd(field) <= end) {
        encodeField(field, value, registers, address);
      }
    }
    if (functionCode === 3) this.#options.service?.overlay(address, registers, nowMs);
    return { registers };
  }

  /** What can be written of it. */
  get service(): ServiceMemory | undefined {
    return this.#options.service;
  }

  #floor(timeMs: number): number {
    return Math.floor(timeMs / this.#stepMs) * this.#stepMs;
  }

  #measure(): void {
    const measured = { ...measure(this.#options.load.at(this.#timeMs), this.model.phases), ...this.#counters };
    this.#values = Object.fromEntries(
      this.model.fields.map((field) => [field.quantity, asShown(field, measured[field.quantity] ?? 0)]),
    );
    this.#options.onStep?.(this.#timeMs, this.#values);
  }
}

/** The value that comes out of a register which holds it: counters show whole steps that are full, gauges are rounded. */
function asShown(field: Field, value: number): number {
  const step = field.type.startsWith('float') ? 10 ** -field.decimals : field.scale;
  const isCounter = quantityInfo(field.quantity)?.kind === 'counter';
  const registers = Buffer.alloc(field.words * 2);
  encodeField(field, isCounter ? Math.floor(value / step + 1e-9) * step : value, registers, field.address);
  return decodeField(field, registers, field.address);
}
