import { spawn } from 'node:child_process';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SerialPort } from 'serialport';
import { expect, onTestFinished, test } from 'vitest';
import { DEFAULT_TIMING } from '../../agent/modbus/bus.ts';
import { serialConnector } from '../../agent/modbus/serial-connection.ts';
import { tcpConnector } from '../../agent/modbus/tcp-connection.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { TcpLine } from '../../agent/simulator/tcp-line.ts';
import { Link, type LinkOptions } from '../../agent/sources/link.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { virtualLine, WIRE_9600 } from '../support/virtual-line.ts';

const READ = { unit: 1, functionCode: 3, address: 0x0130, count: 2 } as const;

async function linkTo(path: string, options: LinkOptions = {}) {
  const { log, lines } = recordingLog();
  const link = new Link(serialConnector(path, WIRE_9600), log, { retryMs: 50, ...options });
  onTestFinished(() => link.stop());
  await link.start();
  const read = () => link.bus()?.read(READ, performance.now() + 900);
  return { link, lines, read };
}

test('an adapter that is gone and comes back under its name is read again', async () => {
  const { line } = virtualLine();
  const { link, read } = await linkTo(line.linkPath);
  await read();
  for (let round = 0; round < 5; round++) {
    line.unplug();
    await expect.poll(() => link.bus()).toBeUndefined();
    expect(link.problem?.hint).toBeTypeOf('string');
    line.plug();
    await expect.poll(() => link.bus(), { timeout: 1000 }).toBeDefined();
    expect((await read())?.length).toBe(4);
  }
  expect(link.stats.disconnects).toBe(5);
});

test('an adapter that comes back as another device behind the same link is read again', async () => {
  const first = virtualLine();
  const second = virtualLine();
  const stable = join(temporaryDirectory(), 'by-id');
  symlinkSync(first.line.linkPath, stable);
  const { link, read } = await linkTo(stable);
  await read();
  first.line.unplug();
  rmSync(stable);
  await expect.poll(() => link.bus()).toBeUndefined();
  symlinkSync(second.line.linkPath, stable);
  await expect.poll(() => link.bus(), { timeout: 1000 }).toBeDefined();
  expect((await read())?.length).toBe(4);
});

test('a hang-up in the middle of a reply, many times, always ends in a working line', async () => {
  const { line } = virtualLine({ wire: WIRE_9600, adapterStepMs: 4 });
  const { link } = await linkTo(line.linkPath, {
    stuckMs: 200,
    timing: { ...DEFAULT_TIMING, responseMs: 60, lateReplyMs: 50 },
  });
  for (let round = 0; round < 25; round++) {
    const pending = link.bus()?.read({ ...READ, count: 41 }, performance.now() + 300);
    setTimeout(() => line.unplug(), 15 + round * 4);
    await pending?.catch(() => link.unanswered());
    line.unplug();
    line.plug();
    // A port that hangs in the driver reports nothing: only the watchdog replaces it.
    await expect
      .poll(
        async () => {
          const registers = await link
            .bus()
            ?.read(READ, performance.now() + 200)
            .catch(() => link.unanswered());
          if (registers) link.answered();
          return registers?.length;
        },
        { timeout: 5000 },
      )
      .toBe(4);
  }
});

test('one silence after a long pause does not replace the port', async () => {
  const { line } = virtualLine();
  const { link, read } = await linkTo(line.linkPath, { stuckMs: 20 });
  await read();
  link.answered();
  await new Promise((resolve) => setTimeout(resolve, 60));
  const bus = link.bus();
  link.unanswered();
  await new Promise((resolve) => setTimeout(resolve, 60));
  link.unanswered();
  expect(link.bus()).toBe(bus);
  link.unanswered();
  expect(link.bus()).toBeUndefined();
});

test('a port that another program holds is said with a remedy, once, and opened when it is free', async () => {
  const { line } = virtualLine();
  const holder = new SerialPort({ path: line.linkPath, baudRate: 9600, autoOpen: false });
  await new Promise((resolve) => holder.open(resolve));
  const { link, lines } = await linkTo(line.linkPath);
  expect(link.problem).toMatchObject({
    message: `serial port ${line.linkPath} is held by another program`,
    hint: `find it with: fuser -v ${line.linkPath}`,
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(lines.filter((entry) => String(entry.msg).includes('held by another program'))).toHaveLength(1);
  await new Promise((resolve) => holder.close(resolve));
  await expect.poll(() => link.bus(), { timeout: 2000 }).toBeDefined();
});

test('a port that is not there is said with a remedy', async () => {
  const { link } = await linkTo('/dev/ttyNOWHERE');
  expect(link.problem).toMatchObject({
    code: 'unavailable',
    retryable: true,
    message: 'serial port /dev/ttyNOWHERE is not there',
  });
  expect(link.problem?.hint).toContain('/dev/serial/by-id');
});

test('a path that is no serial port is said', async () => {
  const { link } = await linkTo('/dev/null');
  expect(link.problem?.message).toMatch(/\/dev\/null cannot be opened/);
});

test('a port of another process that dies is free again', async () => {
  const { line } = virtualLine();
  const script = `const {SerialPort}=require('serialport');new SerialPort({path:${JSON.stringify(line.linkPath)},baudRate:9600},()=>console.log('open'))`;
  const child = spawn(process.execPath, ['-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const { link } = await linkTo(line.linkPath);
  expect(link.bus()).toBeUndefined();
  child.kill('SIGKILL');
  await expect.poll(() => link.bus(), { timeout: 2000 }).toBeDefined();
});

test.for([
  ['tcp://127.0.0.1:1', 'mbap', 'refuses the connection'],
  ['rtu+tcp://127.0.0.1:1', 'rtu', 'refuses the connection'],
] as const)('%s that nobody listens on is said', async ([name, framing, reason]) => {
  const { log } = recordingLog();
  const link = new Link(tcpConnector({ host: '127.0.0.1', port: 1 }, framing, WIRE_9600), log);
  onTestFinished(() => link.stop());
  await link.start();
  expect(link.problem?.message).toBe(`${name} ${reason}`);
});

test.for(['mbap', 'rtu'] as const)('a gateway (%s) that restarts is read again', async (framing) => {
  const { meter } = virtualLine();
  const options = { slave: new Slave(new Map([[1, meter]])), random: seededRandom(1) };
  const first = await TcpLine.listen(0, framing, options);
  const { port } = first;
  const { log } = recordingLog();
  const link = new Link(tcpConnector({ host: '127.0.0.1', port }, framing, WIRE_9600), log, {
    retryMs: 50,
  });
  onTestFinished(() => link.stop());
  await link.start();
  const read = () => link.bus()?.read(READ, performance.now() + 900);
  expect((await read())?.length).toBe(4);
  await first.close();
  await expect.poll(() => link.bus()).toBeUndefined();
  const again = await TcpLine.listen(port, framing, options);
  onTestFinished(() => again.close());
  await expect.poll(() => link.bus(), { timeout: 2000 }).toBeDefined();
  expect((await read())?.length).toBe(4);
});
