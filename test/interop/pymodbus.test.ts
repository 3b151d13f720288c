import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encodeField } from '../../agent/meters/codec.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Connector } from '../../agent/modbus/connection.ts';
import { serialConnector } from '../../agent/modbus/serial-connection.ts';
import { tcpConnector } from '../../agent/modbus/tcp-connection.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { TcpLine } from '../../agent/simulator/tcp-line.ts';
import { Link } from '../../agent/sources/link.ts';
import { ModbusMeter } from '../../agent/sources/modbus-meter.ts';
import { memoryOf } from '../support/fast-line.ts';
import { PYTHON, requireProgram, requirePythonModule } from '../support/requires.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { virtualLine, WIRE_9600 } from '../support/virtual-line.ts';

/** Values that use the whole width and every sign. */
const VALUES: Record<string, number> = {
  frequency: 49.98,
  voltage: 231.07,
  current: -70.123,
  active_power: -12_345,
  reactive_power: -1,
  apparent_power: 12_346,
  power_factor: -0.987,
  active_energy: 999_999.99,
  active_energy_t1: 655.36,
  active_energy_t2: 655.35,
  active_energy_t3: 0,
  active_energy_t4: 0.01,
  reactive_energy: 123_456.78,
  reactive_energy_t1: 1,
  reactive_energy_t2: 2,
  reactive_energy_t3: 3,
  reactive_energy_t4: 4,
};

/** The registers of a WE-515 with these values; unassigned ones inside its ranges are 0. */
function registerImage(): Record<number, number> {
  const image: Record<number, number> = {};
  for (const [first, count] of [
    [0x0130, 44],
    [0xa000, 40],
  ] as const) {
    const block = Buffer.alloc(count * 2);
    for (const field of WE_515.fields) {
      const inside = field.address >= first && field.address + field.words <= first + count;
      if (inside) encodeField(field, VALUES[field.quantity] ?? 0, block, first);
    }
    for (let i = 0; i < count; i++) image[first + i] = block.readUInt16BE(i * 2);
  }
  return image;
}

function python(script: string, args: string[], input: unknown) {
  const child = spawn(PYTHON, [join(import.meta.dirname, script), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  child.stdin.end(JSON.stringify(input));
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(output)));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { ended, output: () => output, errors: () => errors };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Two pseudo-terminals with a wire between them. */
async function socatPair(): Promise<[string, string]> {
  const directory = temporaryDirectory();
  const ends: [string, string] = [join(directory, 'near'), join(directory, 'far')];
  const child = spawn(
    'socat',
    ends.map((path) => `pty,raw,echo=0,link=${path}`),
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  await expect.poll(() => ends.every((path) => existsSync(path)), { timeout: 5000 }).toBe(true);
  return ends;
}

async function readWith(connector: Connector): Promise<Record<string, number>> {
  const link = new Link(connector, silentLog, { retryMs: 100 });
  onTestFinished(() => link.stop());
  await link.start();
  await expect.poll(() => link.bus(), { timeout: 10_000 }).toBeDefined();
  const source = new ModbusMeter({ name: 'house', model: WE_515, unit: 1, link, memory: memoryOf() });
  return (await source.sample(performance.now() + 2000)).values;
}

test('a pymodbus slave on a serial line is read value for value', async (context) => {
  requireProgram(context, 'socat');
  for (const module of ['pymodbus', 'serial', 'serial_asyncio']) requirePythonModule(context, module);
  const [near, far] = await socatPair();
  const slave = python('pymodbus_slave.py', ['rtu', far], registerImage());
  await expect.poll(slave.output, { timeout: 10_000 }).toContain('serving');
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await readWith(serialConnector(near, { ...WIRE_9600, parity: 'none' }))).toEqual(VALUES);
});

test.for([
  'tcp',
  'rtuovertcp',
] as const)('a pymodbus slave behind %s is read value for value', async (kind, context) => {
  requirePythonModule(context, 'pymodbus');
  const port = await freePort();
  const slave = python('pymodbus_slave.py', [kind, String(port)], registerImage());
  await expect.poll(slave.output, { timeout: 10_000 }).toContain('serving');
  const framing = kind === 'tcp' ? 'mbap' : 'rtu';
  expect(await readWith(tcpConnector({ host: '127.0.0.1', port }, framing, WIRE_9600))).toEqual(VALUES);
});

/** Steady, so that two readers at different moments see the same. */
const STEADY = { at: () => ({ activeW: -1234, reactiveVar: 321, voltageV: 230.5, frequencyHz: 50.02 }) };
const BLOCKS = [
  [0x0130, 41],
  [0xa000, 10],
  [0xa01e, 10],
  [0x0140, 2],
] as const;

test.for([
  'rtu',
  'tcp',
  'rtuovertcp',
] as const)('the virtual meter on %s answers a pymodbus master register for register', async (kind, context) => {
  requirePythonModule(context, 'pymodbus');
  requirePythonModule(context, 'serial');
  const { line, meter } = virtualLine({ meter: { load: STEADY }, wire: WIRE_9600 });
  let port = line.linkPath;
  if (kind !== 'rtu') {
    const options = { slave: new Slave(new Map([[1, meter]])), random: seededRandom(1) };
    const server = await TcpLine.listen(0, kind === 'tcp' ? 'mbap' : 'rtu', options);
    onTestFinished(() => server.close());
    port = String(server.port);
  }
  const master = python('pymodbus_master.py', [kind, port], BLOCKS);
  const output = await master.ended;
  expect(output, master.errors()).not.toBe('');
  const expected = BLOCKS.map(([address, count]) => {
    const result = meter.read(3, address, count, Date.now());
    return 'registers' in result ? Array.from({ length: count }, (_, i) => result.registers.readUInt16BE(i * 2)) : [];
  });
  expect(JSON.parse(output)).toEqual(expected);
});
