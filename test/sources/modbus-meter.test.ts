import { expect, onTestFinished, test } from 'vitest';
import { WE_515 } from '../../agent/meters/orno.ts';
import { DEFAULT_TIMING } from '../../agent/modbus/bus.ts';
import { serialConnector } from '../../agent/modbus/serial-connection.ts';
import { Link } from '../../agent/sources/link.ts';
import { ModbusMeter } from '../../agent/sources/modbus-meter.ts';
import { memoryOf } from '../support/fast-line.ts';
import { silentLog } from '../support/silent-log.ts';
import { type VirtualLineOptions, virtualLine, WIRE_9600 } from '../support/virtual-line.ts';

/** Patience that suits a meter which answers at once; otherwise each silence would cost a real quarter of a second. */
const TIMING = { ...DEFAULT_TIMING, responseMs: 40, settleMs: 5, lateReplyMs: 30 };

async function meterOn(options: VirtualLineOptions, memory = memoryOf()) {
  const { line, meter } = virtualLine(options);
  const link = new Link(serialConnector(line.linkPath, WIRE_9600), silentLog, {
    timing: TIMING,
  });
  onTestFinished(() => link.stop());
  await link.start();
  const source = new ModbusMeter({ name: 'house', model: WE_515, unit: 1, link, memory });
  return { source, link, line, meter, memory };
}

const sampleOf = (source: ModbusMeter) => source.sample(performance.now() + 1500);
const shape = (source: ModbusMeter) => source.plan().map(({ address, count }) => `${address.toString(16)}+${count}`);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a sample has every quantity, as the meter shows it', async () => {
  const { source, meter } = await meterOn({});
  expect((await sampleOf(source)).values).toEqual(meter.values());
});

/** Public sources disagree whether the unassigned registers 0x0134-0x0138 and 0x013F may be read across. */
const HOLES = (address: number) => (address >= 0x0134 && address <= 0x0138) || address === 0x013f;

test.for([
  ['refuses with an exception', false],
  ['keeps silent', true],
] as const)('a meter that %s where registers are unassigned is read from the first sample on, then by narrower blocks', async ([
  ,
  silentRefusals,
]) => {
  const { source, meter, memory, link } = await meterOn({ meter: { illegal: HOLES }, silentRefusals });
  for (let tick = 0; tick < 8; tick++) {
    expect(Object.keys((await sampleOf(source)).values)).toHaveLength(17);
    await pause(60);
  }
  expect(shape(source).sort()).toEqual(['130+2', '139+2', '140+25', 'a000+10', 'a01e+10']);
  const requests = link.stats.requests;
  const { values } = await sampleOf(source);
  expect(link.stats.requests - requests).toBe(5);
  expect(values).toEqual(meter.values());

  const restarted = new ModbusMeter({ name: 'house', model: WE_515, unit: 1, link, memory });
  expect(shape(restarted)).toEqual(shape(source));
});

test('a meter with a small limit is read within it', async () => {
  const { source } = await meterOn({ meter: { maxRegisters: 8 } });
  for (let tick = 0; tick < 12; tick++) {
    // Until it has learned, the halving may take longer than a second.
    await sampleOf(source).catch(() => {});
    await pause(60);
  }
  expect(Object.keys((await sampleOf(source)).values)).toHaveLength(17);
  expect(Math.max(...source.plan().map((block) => block.count))).toBeLessThanOrEqual(8);
});

test('one exception made by noise does not narrow the plan', async () => {
  const faults = { exception: 1 };
  const { source } = await meterOn({ faults });
  const before = shape(source);
  const pending = sampleOf(source);
  setTimeout(() => {
    faults.exception = 0;
  }, 15);
  await pending.catch(() => {});
  await pause(60);
  await sampleOf(source);
  expect(shape(source)).toEqual(before);
});

test('a register that the meter does not have is left out, the others are read', async () => {
  const { source } = await meterOn({ meter: { illegal: (address) => address === 0x0158 } });
  for (let tick = 0; tick < 10; tick++) {
    await sampleOf(source).catch(() => {});
    await pause(60);
  }
  const { values } = await sampleOf(source);
  expect(Object.keys(values)).toHaveLength(16);
  expect(values).not.toHaveProperty('power_factor');
});

test('a meter that refuses everything while it starts is read in full when it has started', async () => {
  const refusing = { on: true };
  const { source } = await meterOn({ meter: { illegal: () => refusing.on } });
  for (let tick = 0; tick < 8; tick++) {
    await expect(sampleOf(source)).rejects.toMatchObject({ gapCause: 'exception' });
    await pause(40);
  }
  refusing.on = false;
  await pause(60);
  expect(Object.keys((await sampleOf(source)).values)).toHaveLength(17);
});

test('a dead meter costs a tick two requests, not its whole second', async () => {
  const { source, link } = await meterOn({ faults: { silence: 1 } });
  await expect(sampleOf(source)).rejects.toMatchObject({ gapCause: 'timeout' });
  expect(link.stats.requests).toBe(2);
});

test('without a line the sample fails at once, with the reason', async () => {
  const { source, line } = await meterOn({});
  line.unplug();
  await expect.poll(() => sampleOf(source).catch((error) => error.gapCause)).toBe('disconnected');
});
