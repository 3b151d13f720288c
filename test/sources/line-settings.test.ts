import { expect, onTestFinished, test } from 'vitest';
import { WE_515 } from '../../agent/meters/orno.ts';
import { DEFAULT_TIMING } from '../../agent/modbus/bus.ts';
import type { Wire } from '../../agent/modbus/connection.ts';
import { crcMatches, withCrc } from '../../agent/modbus/crc.ts';
import { serialConnector } from '../../agent/modbus/serial-connection.ts';
import { Pty } from '../../agent/simulator/pty.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { Link } from '../../agent/sources/link.ts';
import { ModbusMeter } from '../../agent/sources/modbus-meter.ts';
import { memoryOf } from '../support/fast-line.ts';
import { restlessLoad } from '../support/restless-load.ts';
import { silentLog } from '../support/silent-log.ts';

/** A pseudo-terminal keeps rate, stop bits and the odd bit, and not whether there is parity: these differ in what it keeps. */
const FACTORY: Wire = { baudRate: 9600, parity: 'even', dataBits: 8, stopBits: 1 };
const SLOW_ODD: Wire = { baudRate: 2400, parity: 'odd', dataBits: 8, stopBits: 1 };
const TWO_STOP: Wire = { baudRate: 9600, parity: 'none', dataBits: 8, stopBits: 2 };
const UNITS: [number, Wire][] = [
  [1, FACTORY],
  [5, SLOW_ODD],
  [9, TWO_STOP],
];
const STEADY_MS = 86_400_000;

/** Meters that hear only what is sent with their own settings, as on a real line. */
function mixedLine(delayMs: (unit: number, request: number) => number = () => 0) {
  const pty = Pty.open();
  onTestFinished(() => pty.close());
  const meters = new Map(
    UNITS.map(([unit]) => {
      const load = restlessLoad(unit, STEADY_MS);
      return [unit, new VirtualMeter({ model: WE_515, load, stepMs: STEADY_MS }, Date.now())] as const;
    }),
  );
  const slave = new Slave(meters);
  /** Unit and settings of each request that was understood, and those that were not. */
  const heard: { unit: number; settings: string }[] = [];
  const deaf: string[] = [];
  pty.onData((request) => {
    const unit = request.readUInt8(0);
    const { baudRate, stopBits, odd } = pty.settings() ?? expect.fail('closed');
    const settings = `${baudRate} ${odd ? 'odd' : 'not odd'} ${stopBits}`;
    const own = UNITS.find(([of]) => of === unit)?.[1];
    const fits = own?.baudRate === baudRate && own.stopBits === stopBits && (own.parity === 'odd') === odd;
    if (!fits || !crcMatches(request)) return void deaf.push(`${unit} at ${settings}`);
    heard.push({ unit, settings });
    const reply = slave.answer(request, Date.now());
    if (!reply) return;
    const send = () => pty.write(reply);
    const waitMs = delayMs(unit, heard.filter((one) => one.unit === unit).length);
    if (waitMs > 0) setTimeout(send, waitMs);
    else send();
  });
  return { pty, meters, heard, deaf };
}

async function sourcesOn(path: string, responseMs: number) {
  const timing = { ...DEFAULT_TIMING, responseMs };
  const link = new Link(serialConnector(path, FACTORY), silentLog, { timing });
  onTestFinished(() => link.stop());
  await link.start();
  const sources = UNITS.map(([unit, wire]) => {
    const station = link.join({ intervalMs: 1000, wire, responseMs });
    return new ModbusMeter({ name: `unit-${unit}`, model: WE_515, unit, link: station, memory: memoryOf() });
  });
  return { link, sources };
}

test('meters with settings of their own share a port: each is asked with its own, next to its likes', async () => {
  const { pty, meters, heard, deaf } = mixedLine();
  const { sources } = await sourcesOn(pty.path, 500);
  for (let round = 0; round < 3; round++) {
    const samples = await Promise.all(sources.map((source) => source.sample(performance.now() + 4000)));
    expect(samples.map(({ values }) => values)).toEqual([...meters.values()].map((meter) => meter.values()));
  }
  expect(deaf).toEqual([]);
  const changes = heard.filter((one, i) => i > 0 && one.settings !== heard[i - 1]?.settings);
  // Three settings in each of three rounds, and a round begins with what the last one ended with.
  expect(changes.length).toBe(6);
});

test('a reply that is late becomes no value of a meter with other settings, nor of its own', async () => {
  const late = new Set([2, 5]);
  const { pty, meters } = mixedLine((unit, request) => (unit === 5 && late.has(request) ? 700 : 0));
  const { link, sources } = await sourcesOn(pty.path, 80);
  for (let round = 0; round < 4; round++) {
    const samples = await Promise.allSettled(sources.map((source) => source.sample(performance.now() + 2500)));
    for (const [i, sample] of samples.entries()) {
      if (sample.status === 'fulfilled') expect(sample.value.values).toEqual([...meters.values()][i]?.values());
    }
    expect(samples.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(1);
  }
  expect(link.stats.timeouts).toBeGreaterThan(0);
});

test('after other settings the line is silent for as long as the slower ones ask', async () => {
  const { pty, heard } = mixedLine();
  const times: number[] = [];
  pty.onData(() => times.push(performance.now()));
  const link = new Link(serialConnector(pty.path, FACTORY), silentLog);
  onTestFinished(() => link.stop());
  await link.start();
  const slow = { ...SLOW_ODD, baudRate: 1200 };
  await link
    .bus()
    ?.read({ unit: 9, functionCode: 3, address: 0x0130, count: 1, wire: TWO_STOP }, performance.now() + 900);
  const before = performance.now();
  await link
    .bus()
    ?.read({ unit: 5, functionCode: 3, address: 0x0130, count: 1, wire: slow }, performance.now() + 900)
    .catch(() => {});
  // 3.5 characters of 11 bits at 1200 baud.
  expect((times[1] ?? 0) - before).toBeGreaterThanOrEqual(32);
  expect(heard).toHaveLength(1);
});

test('an adapter that does not take the settings says so, and the others are read', async () => {
  const { pty, meters } = mixedLine();
  const connector = serialConnector(pty.path, FACTORY);
  const open = async () => {
    const connection = await connector.open();
    const refuse = () => Promise.reject(new Error('the adapter stays at 9600 baud'));
    return Object.assign(connection, {
      configure: (wire: Wire) => (wire.baudRate === 2400 ? refuse() : Promise.resolve()),
    });
  };
  const link = new Link({ ...connector, open }, silentLog);
  onTestFinished(() => link.stop());
  await link.start();
  const [first, second] = UNITS.map(([unit, wire]) => {
    const station = link.join({ intervalMs: 1000, wire, responseMs: 250 });
    return new ModbusMeter({ name: `unit-${unit}`, model: WE_515, unit, link: station, memory: memoryOf() });
  });
  await expect(second?.sample(performance.now() + 900)).rejects.toMatchObject({
    gapCause: 'disconnected',
    message: 'the adapter stays at 9600 baud',
  });
  expect((await first?.sample(performance.now() + 900))?.values).toEqual(meters.get(1)?.values());
});

test('a real port that cannot be set says which settings and what to do', async () => {
  const pty = Pty.open();
  const connection = await serialConnector(pty.path, FACTORY).open();
  onTestFinished(() => connection.close());
  pty.close();
  await expect(connection.configure?.(SLOW_ODD)).rejects.toMatchObject({
    message: expect.stringContaining(`serial port ${pty.path} cannot be set to 2400 8O1`),
    hint: expect.stringContaining('its own adapter'),
  });
});

test('a debt of one unit takes no length from another one', async () => {
  const pty = Pty.open();
  onTestFinished(() => pty.close());
  pty.onData((request) => {
    if (request[0] === 1) pty.write(withCrc(Buffer.from([1, 3, 4, 1, 2, 3, 4])));
  });
  const link = new Link(serialConnector(pty.path, FACTORY), silentLog, {
    timing: { ...DEFAULT_TIMING, responseMs: 40 },
  });
  onTestFinished(() => link.stop());
  await link.start();
  const read = (unit: number) =>
    link.bus()?.read({ unit, functionCode: 3, address: 0x0130, count: 2 }, performance.now() + 500);
  await expect(read(5)).rejects.toMatchObject({ kind: 'timeout' });
  await expect(read(5)).rejects.toMatchObject({ kind: 'busy' });
  expect((await read(1))?.length).toBe(4);
});
