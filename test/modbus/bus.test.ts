import { expect, onTestFinished, test } from 'vitest';
import { Bus, type BusTiming, DEFAULT_TIMING } from '../../agent/modbus/bus.ts';
import { withCrc } from '../../agent/modbus/crc.ts';
import { newLineStats } from '../../agent/modbus/line-stats.ts';
import { serialConnector } from '../../agent/modbus/serial-connection.ts';
import { Pty } from '../../agent/simulator/pty.ts';
import { type VirtualLineOptions, virtualLine, WIRE_9600 } from '../support/virtual-line.ts';

const READ = { unit: 1, functionCode: 3, address: 0x0130, count: 2 } as const;
const TIMING: BusTiming = { ...DEFAULT_TIMING, responseMs: 60, lateReplyMs: 400 };

async function openBus(options?: VirtualLineOptions, timing: Partial<BusTiming> = {}) {
  const { line, meter } = virtualLine(options);
  const ends: (Error | undefined)[] = [];
  const bus = await Bus.open(
    serialConnector(line.linkPath, WIRE_9600),
    newLineStats(),
    (reason) => void ends.push(reason),
    { ...TIMING, ...timing },
  );
  onTestFinished(() => bus.close());
  return { bus, line, meter, ends };
}

/** A pseudo-terminal at whose other end the test answers. */
async function silentMeter() {
  const pty = Pty.open();
  onTestFinished(() => pty.close());
  return { line: pty.path, pty };
}

const soon = (ms = 800) => performance.now() + ms;

test('a read gives the registers', async () => {
  const { bus, meter } = await openBus();
  const registers = await bus.read(READ, soon());
  expect([registers.readUInt16BE(0) / 100, registers.readUInt16BE(2) / 100]).toEqual([
    meter.values().frequency,
    meter.values().voltage,
  ]);
  expect(bus.stats).toMatchObject({ requests: 1, answers: 1, strayBytes: 0 });
});

test('reads asked for at once go one after the other, each with its own answer', async () => {
  const { bus, meter } = await openBus();
  const [frequency, power, voltage] = await Promise.all([
    bus.read({ ...READ, count: 1 }, soon()),
    bus.read({ ...READ, address: 0x0140 }, soon()),
    bus.read({ ...READ, address: 0x0131, count: 1 }, soon()),
  ]);
  expect(frequency?.readUInt16BE(0)).toBe(Math.round((meter.values().frequency ?? 0) * 100));
  expect(power?.readInt32BE(0)).toBe(meter.values().active_power);
  expect(voltage?.readUInt16BE(0)).toBe(Math.round((meter.values().voltage ?? 0) * 100));
});

test('an exception is told with its code, at once', async () => {
  const { bus } = await openBus({ meter: { illegal: (address) => address === 0x0131 } });
  await expect(bus.read(READ, soon())).rejects.toMatchObject({
    kind: 'exception',
    exceptionCode: 2,
    raw: Buffer.from('018302c0f1', 'hex'),
  });
});

test.for([
  ['silence', 'timeout'],
  ['crc', 'crc'],
  ['wrong-unit', 'noise'],
] as const)('%s becomes %s', async ([fault, kind]) => {
  const { bus } = await openBus({ faults: { [fault]: 1 } });
  await expect(bus.read({ ...READ, count: 20 }, soon())).rejects.toMatchObject({ kind });
});

test('after an unanswered read, no read of that length is sent until a late answer is out of question', async () => {
  const faults = { silence: 1 };
  const { bus } = await openBus({ faults });
  await expect(bus.read(READ, soon())).rejects.toMatchObject({ kind: 'timeout' });
  faults.silence = 0;
  await expect(bus.read(READ, soon())).rejects.toMatchObject({ kind: 'busy' });
  expect([1, 2, 3].filter((count) => bus.owes({ unit: 1, functionCode: 3, count }))).toEqual([2]);
  expect(bus.owes({ unit: 1, functionCode: 4, count: 2 })).toBe(false);
  expect(bus.owes({ unit: 2, functionCode: 3, count: 2 })).toBe(false);
  await bus.read({ ...READ, count: 1 }, soon());
  expect(bus.stats.requests).toBe(2);
  await new Promise((resolve) => setTimeout(resolve, TIMING.lateReplyMs));
  await bus.read(READ, soon());
});

test('a late reply of one function answers no read of the other, though both have its length', async () => {
  const { line, pty } = await silentMeter();
  const bus = await Bus.open(serialConnector(line, WIRE_9600), newLineStats(), () => {}, TIMING);
  onTestFinished(() => bus.close());
  pty.onData((request) => {
    if (request[1] === 3) return;
    pty.write(withCrc(Buffer.from('010304138959e7', 'hex')));
    pty.write(withCrc(Buffer.from('01040443663334', 'hex')));
  });
  await expect(bus.read(READ, soon())).rejects.toMatchObject({ kind: 'timeout' });
  expect((await bus.read({ ...READ, functionCode: 4 }, soon())).toString('hex')).toBe('43663334');
  expect(bus.stats.strayBytes).toBe(9);
  await expect(bus.read(READ, soon())).rejects.toMatchObject({ kind: 'busy' });
});

test('a meter that needs silence before a request gets it, whoever has spoken last', async () => {
  const { line, pty } = await silentMeter();
  const bus = await Bus.open(serialConnector(line, WIRE_9600), newLineStats(), () => {}, TIMING);
  onTestFinished(() => bus.close());
  const PAUSE_MS = 150;
  let repliedMs = Number.POSITIVE_INFINITY;
  const silences: number[] = [];
  pty.onData((request) => {
    silences.push(performance.now() - repliedMs);
    pty.write(withCrc(Buffer.from([request[0] ?? 0, 3, 4, 0x13, 0x89, 0x59, 0xe7])));
    repliedMs = performance.now();
  });
  await bus.read(READ, soon());
  await bus.read({ ...READ, unit: 2, pauseMs: PAUSE_MS }, soon());
  expect(silences[1]).toBeGreaterThanOrEqual(PAUSE_MS - 1);
});

test('a slow meter is waited for longer than the line’s others', async () => {
  const { bus } = await openBus({ turnaroundMs: 200 }, { responseMs: 20 });
  await expect(bus.read(READ, soon())).rejects.toMatchObject({ kind: 'timeout' });
  expect(await bus.read({ ...READ, count: 1, responseMs: 5000 }, soon(8000))).toHaveLength(2);
});

test('a reply that is late enough to arrive on the next connection finds no read of its length', async () => {
  const faults = { silence: 1 };
  const { line } = virtualLine({ faults });
  const debts = new Map<string, number>();
  const open = () => Bus.open(serialConnector(line.linkPath, WIRE_9600), newLineStats(), () => {}, TIMING, debts);
  const first = await open();
  const pending = first.read(READ, soon());
  setTimeout(() => void first.close(), 50);
  await expect(pending).rejects.toMatchObject({ kind: 'disconnected' });
  faults.silence = 0;
  const second = await open();
  onTestFinished(() => second.close());
  await expect(second.read({ ...READ, address: 0x0140 }, soon())).rejects.toMatchObject({ kind: 'busy' });
});

test('a late reply that waits in the kernel while the process is stalled is not taken for the next answer', async () => {
  const pty = Pty.open();
  onTestFinished(() => pty.close());
  const bus = await Bus.open(serialConnector(pty.path, WIRE_9600), newLineStats(), () => {}, TIMING);
  onTestFinished(() => bus.close());
  await expect(bus.read(READ, soon())).rejects.toMatchObject({ kind: 'timeout' });
  pty.write(withCrc(Buffer.from('010304138959e7', 'hex')));
  const untilMs = performance.now() + TIMING.lateReplyMs + 50;
  while (performance.now() < untilMs);
  await expect(bus.read(READ, soon())).rejects.toMatchObject({ kind: 'timeout' });
  expect(bus.stats.strayBytes).toBe(9);
});

test('the double of a reply does not answer the next read of the same length', async () => {
  // Meter and bus share this process: on a busy machine the double may leave later than a real one would.
  const { bus, meter } = await openBus({ faults: { double: 1 }, wire: WIRE_9600 }, { settleMs: 150 });
  for (let round = 0; round < 4; round++) {
    expect((await bus.read({ ...READ, address: 0x0140 }, soon())).readInt32BE(0)).toBe(meter.values().active_power);
    expect((await bus.read({ ...READ, address: 0x0148 }, soon())).readInt32BE(0)).toBe(meter.values().reactive_power);
  }
});

test('a read for which no time is left is not sent', async () => {
  const { bus } = await openBus();
  await expect(bus.read({ ...READ, count: 41 }, soon(50))).rejects.toMatchObject({ kind: 'busy' });
  expect(bus.stats.requests).toBe(0);
});

test('a hang-up ends a pending read and tells the owner once', async () => {
  const { bus, line, ends } = await openBus({ faults: { silence: 1 } });
  const pending = bus.read(READ, soon());
  setTimeout(() => line.unplug(), 30);
  await expect(pending).rejects.toMatchObject({ kind: 'disconnected' });
  await expect.poll(() => ends).toHaveLength(1);
  await expect(bus.read(READ, soon())).rejects.toMatchObject({ kind: 'disconnected' });
});

test('closing on purpose ends a pending read and is no loss', async () => {
  const { bus, ends } = await openBus({ faults: { silence: 1 } });
  const pending = bus.read(READ, soon());
  setTimeout(() => void bus.close(), 30);
  await expect(pending).rejects.toMatchObject({ kind: 'disconnected' });
  expect(ends.filter((reason) => reason !== undefined)).toEqual([]);
});
