import { expect, test } from 'vitest';
import { MODELS } from '../../agent/meters/catalogue.ts';
import { SDM630 } from '../../agent/meters/eastron.ts';
import type { MeterModel } from '../../agent/meters/model.ts';
import { WE_515, WE_526 } from '../../agent/meters/orno.ts';
import { METER_QUANTITIES, QUANTITIES } from '../../agent/readings/quantity.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';

const START = new Date(2026, 10, 20, 0, 0, 0).getTime();
const HOUR = 3_600_000;
const constant = (activeW: number, reactiveVar = 0) => ({
  at: () => ({ activeW, reactiveVar, voltageV: 230, frequencyHz: 50 }),
});

/** A table with all that a register can hold. */
const EVERYTHING: MeterModel = {
  ...SDM630,
  maxBlock: 125,
  fields: METER_QUANTITIES.map((quantity, i) => ({
    quantity,
    functionCode: 4,
    address: i * 4,
    words: 4,
    type: 'float64',
    wordOrder: 'high-first',
    byteOrder: 'high-first',
    scale: 1,
    decimals: 3,
    min: -1e9,
    max: 1e9,
  })),
};

test('a virtual meter has a value for whatever a table asks', () => {
  const meter = new VirtualMeter({ model: EVERYTHING, load: constant(4000, 500) }, START);
  const values = meter.values();
  const nothing = METER_QUANTITIES.filter((name) => values[name] === 0 && !/_t[14]$/.test(name));
  // Balanced, but not evenly loaded: only what is not drawn is nothing.
  expect(nothing).toEqual([]);
});

test('phases make up the total, in power and in energy', () => {
  const meter = new VirtualMeter({ model: EVERYTHING, load: constant(4000, 500) }, START);
  meter.advance(START + HOUR);
  const values = meter.values();
  for (const name of ['active_power', 'reactive_power', 'active_energy_import', 'reactive_energy_import', 'current']) {
    const sum = ['l1', 'l2', 'l3'].reduce((total, phase) => total + (values[`${name}_${phase}`] ?? 0), 0);
    expect(sum, name).toBeCloseTo(values[name] ?? Number.NaN, 1);
  }
});

test('what goes out is counted as export, of its tariff', () => {
  const load = constant(-3600, 360);
  const noon = START + 12 * HOUR;
  const counters = Object.fromEntries(WE_526.fields.map(({ quantity }) => [quantity, 0]));
  const meter = new VirtualMeter({ model: WE_526, load, memory: { timeMs: noon, counters } }, noon + HOUR);
  const counted = Object.entries(meter.values()).filter(([name, value]) => name.includes('energy') && value !== 0);
  expect(Object.fromEntries(counted)).toEqual({
    active_energy_export: 3.6,
    active_energy_export_t2: 3.6,
    reactive_energy_import: 0.36,
    reactive_energy_import_t2: 0.36,
  });
});

test.for(MODELS.map((model) => [model.name, model] as const))('%s answers what its maker lets it answer', ([
  ,
  model,
]) => {
  const meter = new VirtualMeter({ model, load: constant(1000) }, START);
  const [field] = model.fields;
  const read = (functionCode: number, count: number) => meter.read(functionCode, field?.address ?? 0, count, START);
  expect(read(field?.functionCode ?? 3, model.maxBlock)).toHaveProperty('registers');
  expect(read(field?.functionCode ?? 3, model.maxBlock + 1)).toEqual({ exception: 3 });
  expect(read(6, 1)).toEqual({ exception: 1 });
  const spaces = new Set([...model.fields, ...model.identify].map(({ functionCode }) => functionCode));
  if (!spaces.has(4)) expect(read(4, 1)).toEqual({ exception: 1 });
});

test('a register that is too small for a value shows its largest', () => {
  const model: MeterModel = {
    ...WE_515,
    fields: WE_515.fields.slice(1, 2).map((field) => ({ ...field, type: 's16', scale: 0.001, decimals: 3 })),
  };
  const meter = new VirtualMeter({ model, load: constant(0) }, START);
  expect(meter.values()).toEqual({ voltage: 32.767 });
});

test('each quantity of a counter is one that the virtual meter can count', () => {
  const counters = METER_QUANTITIES.filter((name) => QUANTITIES[name].kind === 'counter');
  expect(counters.filter((name) => !/^(active|reactive)_energy/.test(name))).toEqual([]);
});
