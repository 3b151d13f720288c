import { expect, test } from 'vitest';
import { WE_515 } from '../../agent/meters/orno.ts';
import { withCrc } from '../../agent/modbus/crc.ts';
import { tariffAt } from '../../agent/simulator/counters.ts';
import { FAULTS } from '../../agent/simulator/fault-names.ts';
import { applyFaults } from '../../agent/simulator/faults.ts';
import { Household } from '../../agent/simulator/household.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';

const START = new Date(2026, 10, 20, 0, 0, 0).getTime();
const HOUR = 3_600_000;
const REQUEST = withCrc(Buffer.from([1, 3, 0x01, 0x30, 0, 2]));
const REPLY = withCrc(Buffer.from([1, 3, 4, 0x13, 0x89, 0x59, 0xe7]));

test('the same seed is the same household, another seed another', () => {
  const day = (seed: number) =>
    Array.from({ length: 288 }, (_, i) => new Household({ seed }).at(START + i * 300_000).activeW);
  expect(day(1)).toEqual(day(1));
  expect(day(1)).not.toEqual(day(2));
});

test('a household’s days are those of a home: a base load, peaks, a few kWh', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const household = new Household({ seed });
    const powers = Array.from({ length: 8640 }, (_, i) => household.at(START + i * 10_000).activeW);
    const kWh = powers.reduce((sum, power) => sum + power, 0) / 360 / 1000;
    expect(Math.min(...powers)).toBeGreaterThan(50);
    expect(Math.max(...powers)).toBeGreaterThan(1400);
    expect(Math.max(...powers)).toBeLessThan(8000);
    expect(kWh).toBeGreaterThan(2.5);
    expect(kWh).toBeLessThan(15);
  }
});

test('with a sun on the roof, noon exports and night does not', () => {
  const household = new Household({ seed: 1, solarPeakW: 6000 });
  expect(household.at(START + 13 * HOUR).activeW).toBeLessThan(0);
  expect(household.at(START + 2 * HOUR).activeW).toBeGreaterThan(0);
});

test('the counters are the sum of what was drawn, by the tariff of its time', () => {
  const load = { at: () => ({ activeW: 3600, reactiveVar: -360, voltageV: 230, frequencyHz: 50 }) };
  const counters = { active_energy: 0, active_energy_t2: 0, active_energy_t3: 0, reactive_energy: 0 };
  const meter = new VirtualMeter(
    { model: WE_515, load, memory: { timeMs: START + 6 * HOUR, counters } },
    START + 6 * HOUR,
  );
  meter.advance(START + 8 * HOUR);
  expect(meter.values()).toMatchObject({
    active_energy: 7.2,
    active_energy_t2: 3.6,
    active_energy_t3: 3.6,
    reactive_energy: 0.72,
  });
  expect([tariffAt(START + 6 * HOUR), tariffAt(START + 7 * HOUR), tariffAt(START + 22 * HOUR)]).toEqual([3, 2, 3]);
});

test('export is not counted as import, and shows as a negative power factor', () => {
  const load = { at: () => ({ activeW: -2000, reactiveVar: 0, voltageV: 230, frequencyHz: 50 }) };
  const memory = { timeMs: START, counters: { active_energy: 5 } };
  const meter = new VirtualMeter({ model: WE_515, load, memory }, START + HOUR);
  expect(meter.values()).toMatchObject({ active_power: -2000, power_factor: -1, active_energy: 5 });
});

test('a meter that was switched off goes on from its memory', () => {
  const load = new Household({ seed: 1 });
  const always = new VirtualMeter({ model: WE_515, load }, START);
  always.advance(START + 60_000);
  const memory = always.memory();
  always.advance(START + 600_000);
  const again = new VirtualMeter({ model: WE_515, load, memory }, START + 600_000);
  expect(again.values()).toEqual(always.values());
});

const emitted = (fault: (typeof FAULTS)[number], seed = 1) =>
  applyFaults(REQUEST, REPLY, { [fault]: 1 }, seededRandom(seed));

test('each fault does what its name says', () => {
  const bytes = (fault: (typeof FAULTS)[number]) =>
    emitted(fault).emissions.map((emission) => emission.bytes.toString('hex'));
  const reply = REPLY.toString('hex');
  expect(bytes('silence')).toEqual([]);
  expect(bytes('double')).toEqual([reply, reply]);
  expect(bytes('leading-zero')).toEqual([`00${reply}`]);
  expect(bytes('echo')).toEqual([REQUEST.toString('hex') + reply]);
  expect(reply.startsWith(bytes('truncate')[0] ?? '-')).toBe(true);
  expect(bytes('truncate')[0]?.length).toBeLessThan(reply.length);
  expect(bytes('wrong-unit')[0]).toMatch(/^0203/);
  expect(bytes('exception')[0]).toMatch(/^0183/);
  expect(bytes('crc')[0]).toHaveLength(reply.length);
  expect(bytes('crc')[0]).not.toBe(reply);
  expect(emitted('late').emissions[0]?.delayMs).toBeGreaterThanOrEqual(100);
  expect(emitted('unplug').unplug?.forMs).toBeGreaterThanOrEqual(200);
});

test.for(FAULTS)('%s strikes at its rate, whatever the others do', (fault) => {
  const count = (others: number) => {
    const random = seededRandom(9);
    const rates = { ...Object.fromEntries(FAULTS.map((name) => [name, others])), [fault]: 0.1 };
    return Array.from({ length: 5000 }, () => applyFaults(REQUEST, REPLY, rates, random)).filter((result) =>
      result.applied.includes(fault),
    ).length;
  };
  expect(count(0)).toBeGreaterThan(400);
  expect(count(0)).toBeLessThan(600);
  expect(count(0.1)).toBeGreaterThan(400);
  expect(count(0.1)).toBeLessThan(600);
});
