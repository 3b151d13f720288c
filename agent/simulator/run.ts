import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeterModel, SerialDefaults } from '../meters/model.ts';
import { serviceTables } from '../meters/service/catalogue.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import { CASES_OVER_RTU, CASES_OVER_TCP, type Case } from './case-names.ts';
import { playedBy } from './cases.ts';
import { FAULTS, type FaultRates } from './fault-names.ts';
import { Household } from './household.ts';
import { PtyLine } from './pty-line.ts';
import { seededRandom } from './random.ts';
import type { RtuEndpointOptions } from './rtu-endpoint.ts';
import { ServiceMemory } from './service-memory.ts';
import { Slave } from './slave.ts';
import { TcpLine } from './tcp-line.ts';
import type { Temper } from './tempered-stream.ts';
import { type MeterMemory, VirtualMeter } from './virtual-meter.ts';
import type { PlannedFault } from './write-faults.ts';

export interface SimulatorOptions {
  link?: string;
  tcp?: number;
  rtuOverTcp?: number;
  model: MeterModel;
  unit?: number | undefined;
  seed: number;
  /** W; 0 for no photovoltaic system. */
  solar: number;
  faults: FaultRates;
  /** What the meter is set to, and the pace of the line; 0 answers at once. */
  baudRate?: number | undefined;
  parity?: 'none' | 'even' | 'odd' | undefined;
  /** It answers only a reader that is set as it is. */
  strict?: boolean | undefined;
  /** A state of the line; strict by itself. */
  case?: Case | undefined;
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
  const { model, baudRate } = options;
  refuseUnplayable(options);
  const played = options.case === undefined ? undefined : playedBy(options.case, model);
  const given = Object.entries({ unit: options.unit, baudRate: baudRate || undefined, parity: options.parity });
  const serial: SerialDefaults = {
    ...model.serial,
    ...played?.serial,
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
  };
  const load = new Household({ seed: options.seed, solarPeakW: options.solar });
  const memory = loadMemory(options.memoryPath);
  const { clockAheadMs = 0, writeFaults = [] } = options;
  const service = new ServiceMemory({
    tables: serviceTables(model.name),
    reached: serial,
    clockAheadMs,
    faults: writeFaults,
  });
  const meter = new VirtualMeter({ model, load, reached: serial, service, ...(memory ? { memory } : {}) }, Date.now());
  const temper: Temper = {
    ...played?.temper,
    ...(options.strict || played ? { set: serial } : {}),
  };
  const turnaroundMs = options.turnaroundMs ?? played?.turnaroundMs;
  const line = await openLine(options, {
    slave: new Slave(new Map([[serial.unit, meter]])),
    random: seededRandom(options.seed),
    faults: options.faults,
    temper,
    ...(baudRate === 0 ? {} : { wire: { ...serial, dataBits: 8 } }),
    ...(turnaroundMs === undefined ? {} : { turnaroundMs }),
  });
  const faults = FAULTS.filter((fault) => (options.faults[fault] ?? 0) > 0).map(
    (fault) => `${fault} ${options.faults[fault]}`,
  );
  process.stdout.write(
    `virtual ${model.name}, unit ${serial.unit}, on ${line.name}${options.case === undefined ? '' : `, case ${options.case}`}${faults.length > 0 ? ` with faults: ${faults.join(', ')}` : ''}\n`,
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

/** A state that the network cannot carry would be played as a good line. */
function refuseUnplayable({ case: name, tcp, rtuOverTcp }: SimulatorOptions): void {
  if (name === undefined || (tcp === undefined && rtuOverTcp === undefined)) return;
  const [playable, flag] = tcp === undefined ? [CASES_OVER_RTU, '--rtu-over-tcp'] : [CASES_OVER_TCP, '--tcp'];
  if (playable.includes(name)) return;
  throw new AgentError('usage', `the case ${name} cannot be played with ${flag}`, {
    hint: `play it on a pseudo-terminal, or one of ${playable.join(', ')}`,
  });
}

async function openLine(
  options: SimulatorOptions,
  endpoint: RtuEndpointOptions,
): Promise<{ name: string; close(): void | Promise<void> }> {
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
