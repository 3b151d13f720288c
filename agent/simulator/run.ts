import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeterModel } from '../meters/model.ts';
import { serviceTables } from '../meters/service/catalogue.ts';
import type { Wire } from '../modbus/connection.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import { FAULTS, type FaultRates } from './fault-names.ts';
import { Household } from './household.ts';
import { PtyLine } from './pty-line.ts';
import { seededRandom } from './random.ts';
import type { RtuEndpointOptions } from './rtu-endpoint.ts';
import { ServiceMemory } from './service-memory.ts';
import { Slave } from './slave.ts';
import { TcpLine } from './tcp-line.ts';
import { type MeterMemory, VirtualMeter } from './virtual-meter.ts';
import type { PlannedFault } from './write-faults.ts';

export interface SimulatorOptions {
  link?: string;
  tcp?: number;
  rtuOverTcp?: number;
  model: MeterModel;
  unit: number;
  seed: number;
  /** W; 0 for no photovoltaic system. */
  solar: number;
  faults: FaultRates;
  /** 0 answers at once. */
  baudRate: number;
  turnaroundMs?: number | undefined;
  memoryPath?: string | undefined;
  /** How far its clock is ahead. */
  clockAheadMs?: number | undefined;
  /** What goes wrong with writes. */
  writeFaults?: readonly PlannedFault[];
}

const REMEMBER_MS = 10_000;

/**
 * Runs a virtual meter until `until` resolves. Started by fork(), it says `ready` to its parent and ends with it: Ctrl-C
 * reaches the whole terminal group, and the meter must outlive its reader.
 */
export async function runSimulator(options: SimulatorOptions, until: Promise<void>): Promise<void> {
  const { model } = options;
  const load = new Household({ seed: options.seed, solarPeakW: options.solar });
  const memory = loadMemory(options.memoryPath);
  const reached = { unit: options.unit, baudRate: options.baudRate > 0 ? options.baudRate : model.serial.baudRate };
  const { clockAheadMs = 0, writeFaults = [] } = options;
  const service = new ServiceMemory({ tables: serviceTables(model.name), reached, clockAheadMs, faults: writeFaults });
  const meter = new VirtualMeter({ model, load, reached, service, ...(memory ? { memory } : {}) }, Date.now());
  const line = await openLine(options, new Slave(new Map([[options.unit, meter]])));
  const faults = FAULTS.filter((fault) => (options.faults[fault] ?? 0) > 0).map(
    (fault) => `${fault} ${options.faults[fault]}`,
  );
  process.stdout.write(
    `virtual ${model.name}, unit ${options.unit}, on ${line.name}${faults.length > 0 ? ` with faults: ${faults.join(', ')}` : ''}\n`,
  );
  saveMemory(options.memoryPath, meter);
  const remember = setInterval(() => {
    try {
      saveMemory(options.memoryPath, meter);
    } catch (error) {
      process.stderr.write(`energy-monitor: ${messageOf(error)}\n`);
    }
  }, REMEMBER_MS);
  process.send?.('ready');
  await (process.connected ? new Promise((resolve) => process.once('disconnect', () => resolve(undefined))) : until);
  clearInterval(remember);
  saveMemory(options.memoryPath, meter);
  await line.close();
}

async function openLine(
  options: SimulatorOptions,
  slave: Slave,
): Promise<{ name: string; close(): void | Promise<void> }> {
  const { parity, stopBits } = options.model.serial;
  const wire: Wire = { baudRate: options.baudRate, parity, dataBits: 8, stopBits };
  const endpoint: RtuEndpointOptions = {
    slave,
    random: seededRandom(options.seed),
    faults: options.faults,
    ...(options.baudRate > 0 ? { wire } : {}),
    ...(options.turnaroundMs === undefined ? {} : { turnaroundMs: options.turnaroundMs }),
  };
  if (options.tcp !== undefined || options.rtuOverTcp !== undefined) {
    const framing = options.tcp !== undefined ? 'mbap' : 'rtu';
    const line = await TcpLine.listen(options.tcp ?? options.rtuOverTcp ?? 0, framing, endpoint);
    return { name: `${framing === 'mbap' ? 'tcp' : 'rtuOverTcp'} 127.0.0.1:${line.port}`, close: () => line.close() };
  }
  const line = new PtyLine(options.link ?? join(tmpdir(), 'energy-meter'), endpoint);
  return { name: `${line.linkPath} (${line.path})`, close: () => line.close() };
}

function loadMemory(path: string | undefined): MeterMemory | undefined {
  if (path === undefined) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as MeterMemory;
  } catch {
    // The first run has no memory yet; a damaged one is a new meter.
    return undefined;
  }
}

function saveMemory(path: string | undefined, meter: VirtualMeter): void {
  if (path === undefined) return;
  meter.advance(Date.now());
  try {
    writeFileSync(path, JSON.stringify(meter.memory()));
  } catch (error) {
    throw new AgentError('storage', `the meter's memory ${path} cannot be written: ${messageOf(error)}`, {
      hint: 'name a file in a directory that you can write to',
      cause: error,
    });
  }
}
