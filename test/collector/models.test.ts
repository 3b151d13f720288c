import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Collector } from '../../agent/collector/collector.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { loadTable } from '../../agent/config/table.ts';
import { tableYaml } from '../../agent/config/table-yaml.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { findModel, MODELS } from '../../agent/meters/catalogue.ts';
import type { MeterModel } from '../../agent/meters/model.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { PtyLine } from '../../agent/simulator/pty-line.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { TcpLine } from '../../agent/simulator/tcp-line.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { ALL } from '../support/open-journal.ts';
import { restlessLoad } from '../support/restless-load.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** So long that no register changes between a read and what a test compares it with. */
const STEADY_MS = 86_400_000;

/** A virtual meter on a pseudo-terminal or behind Modbus TCP, and how the configuration names that. */
async function lineOf(model: MeterModel, transport: 'serial' | 'tcp') {
  const meter = new VirtualMeter({ model, load: restlessLoad(5, STEADY_MS), stepMs: STEADY_MS }, Date.now());
  const options = { slave: new Slave(new Map([[1, meter]])), random: seededRandom(1) };
  if (transport === 'tcp') {
    const line = await TcpLine.listen(0, 'mbap', options);
    onTestFinished(() => line.close());
    return { meter, connection: { tcp: `127.0.0.1:${line.port}` } };
  }
  const line = new PtyLine(join(temporaryDirectory(), 'meter'), options);
  onTestFinished(() => line.close());
  return { meter, connection: { serial: line.linkPath } };
}

/** What the journal has after a collector has made some readings by this configuration. */
async function collected(configText: string, file: string, readings: number): Promise<Reading[]> {
  const config = parseConfig(configText, file);
  const journal = Journal.open({ stateDir: config.stateDir, flushIntervalMs: 60_000, log: silentLog });
  let left = readings;
  await new Promise<void>((resolve) => {
    const collector = new Collector({
      config,
      journal,
      log: silentLog,
      onOutcome: (_series, outcome) => {
        if ('reading' in outcome && --left === 0) void collector.stop().then(resolve);
      },
    });
    collector.start();
  });
  journal.close();
  const reader = new JournalReader(config.stateDir);
  try {
    return reader.readings(ALL);
  } finally {
    reader.close();
  }
}

const measured = ({ values }: Reading) => {
  const { start_offset: _, duration: __, ...rest } = values;
  return rest;
};

const configOf = (model: string, connection: object, more = {}, stateDir = join(temporaryDirectory(), 'state')) =>
  JSON.stringify({ stateDir, meters: [{ name: 'house', model, connection, ...more }] });

for (const transport of ['serial', 'tcp'] as const) {
  test.for(
    MODELS.map((model) => [model.name, model] as const),
  )(`a virtual %s over ${transport} is in the journal value for value`, async ([name, model]) => {
    const { meter, connection } = await lineOf(model, transport);
    const [reading] = await collected(configOf(name, connection), 'config.yaml', 1);
    expect(reading?.series).toEqual({ measurement: 'energy', meter: 'house', model: name });
    expect(reading && measured(reading)).toEqual(meter.values());
    expect(Object.keys(meter.values())).toHaveLength(model.fields.length);
  });
}

/** Every type and order, in both spaces, at once. */
const ODD_TABLE = `name: odd
phases: 3
maxPower: 40000
function: input
registers:
  - {quantity: frequency, address: 0, type: u16, scale: 0.01, unit: Hz}
  - {quantity: voltage_l1, address: 10, type: float32, wordOrder: low-first, unit: V}
  - {quantity: voltage_l2, address: 10, function: holding, type: u32, scale: 0.05, byteOrder: low-first, unit: V}
  - {quantity: voltage_l3, address: 12, function: holding, type: float64, wordOrder: low-first, byteOrder: low-first, unit: V}
  - {quantity: active_power, address: 20, type: s32, wordOrder: low-first, unit: W}
  - {quantity: current_n, address: 30, type: s16, scale: 0.01, unit: A}
  - {quantity: active_energy_import, address: 40, type: u64, scale: 0.001, unit: kWh}
  - {quantity: active_energy_export, address: 40, function: holding, type: s64, wordOrder: low-first, scale: 0.01, unit: kWh}
`;

test.for([
  'serial',
  'tcp',
] as const)('a meter by a table of the user, in odd types and orders, over %s', async (transport) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'odd.yaml'), ODD_TABLE);
  const { meter, connection } = await lineOf(loadTable(join(directory, 'odd.yaml')), transport);
  const [reading] = await collected(configOf('./odd.yaml', connection), join(directory, 'config.yaml'), 1);
  expect(reading?.series.model).toBe('odd');
  expect(reading && measured(reading)).toEqual(meter.values());
  // The values are those of the load, not the same mistake made twice.
  const { voltageV, activeW } = restlessLoad(5, STEADY_MS).at(Date.now());
  expect(reading?.values.voltage_l1).toBeCloseTo(voltageV, 1);
  expect(reading?.values.active_power).toBe(activeW);
});

test('a copy of a built-in meter, printed as a table, reads the same', async () => {
  const directory = temporaryDirectory();
  const model = findModel('sdm630') as MeterModel;
  writeFileSync(join(directory, 'copy.yaml'), tableYaml(model, 'copy'));
  const { meter, connection } = await lineOf(model, 'tcp');
  const [reading] = await collected(configOf('./copy.yaml', connection), join(directory, 'config.yaml'), 1);
  expect(reading && measured(reading)).toEqual(meter.values());
});

test('power each time, energy each second: the journal has what was due, also after a restart', async () => {
  const { meter, connection } = await lineOf(findModel('we-515') as MeterModel, 'tcp');
  const stateDir = join(temporaryDirectory(), 'state');
  const config = configOf('we-515', connection, { interval: '200ms', intervals: { energy: '1s' } }, stateDir);
  await collected(config, 'config.yaml', 8);
  const readings = await collected(config, 'config.yaml', 4);
  expect(readings.length).toBeGreaterThanOrEqual(12);
  const full = readings.filter(({ values }) => 'active_energy' in values);
  const slots = full.map(({ timeMs }) => Math.floor(timeMs / 1000));
  expect(full.length).toBeLessThan(readings.length);
  // One a second, and the first of each start.
  expect(slots.filter((slot, i) => slot === slots[i - 1]).length).toBeLessThanOrEqual(1);
  for (const reading of full) expect(measured(reading)).toEqual(meter.values());
  for (const { values } of readings) {
    expect(values.active_power).toBe(meter.values().active_power);
    expect('active_energy_t2' in values).toBe('active_energy' in values);
  }
});
