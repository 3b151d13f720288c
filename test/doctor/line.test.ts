import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { runDoctor } from '../../agent/doctor/doctor.ts';
import { examine } from '../../agent/doctor/examine.ts';
import { Line } from '../../agent/doctor/line.ts';
import { findingsOf } from '../../agent/doctor/verdict.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { serialConnector } from '../../agent/modbus/serial-connection.ts';
import { Pty } from '../../agent/simulator/pty.ts';
import { readTermios } from '../../agent/system/termios.ts';
import { virtualLine, WIRE_9600 } from '../support/virtual-line.ts';

const NEVER = new AbortController().signal;
const QUESTION = { unit: 1, functionCode: 3, address: 0x0110, count: 2 } as const;

test('a meter sees each setting that is tried, and after it those of before', async () => {
  const pty = Pty.open();
  const before = pty.reader();
  const line = await Line.openSerial(pty.path, NEVER);
  for (const baudRate of [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200]) {
    for (const parity of ['none', 'even', 'odd'] as const) {
      line.set({ baudRate, parity, stopBits: 1 });
      expect(pty.reader()).toEqual({ baudRate, parity, stopBits: 1 });
    }
  }
  const closing = line.close();
  // At once: when the port is free, the next program sets it.
  expect(pty.reader()).toEqual(before);
  await closing;
  expect(pty.reader()).toEqual(before);
  pty.close();
});

test('a pseudo-terminal counts no errors, and takes what is written until it is jammed', async () => {
  const pty = Pty.open();
  const line = await Line.openSerial(pty.path, NEVER);
  expect(line.counters()).toBeUndefined();
  expect(line.isStuck()).toBe(false);
  pty.jam();
  expect(line.isStuck()).toBe(true);
  await line.close();
  pty.close();
});

test('a port that another program has is not touched: its settings stay', async () => {
  const { line } = virtualLine();
  const holder = await serialConnector(line.linkPath, WIRE_9600).open();
  const watcher = await Line.openSerial(line.linkPath, NEVER).catch((error: Error) => error);
  expect(watcher).toMatchObject({ code: 'unavailable', message: expect.stringContaining('held by another program') });
  const evidence = await examine({ kind: 'serial', path: line.linkPath }, { measureMs: 0, signal: NEVER });
  expect(findingsOf(evidence)).toMatchObject([{ cause: 'port-busy' }]);
  await holder.close();
});

test('an echo, a reply, silence: what came and when', async () => {
  const { line: virtual } = virtualLine({ temper: { echoes: true }, turnaroundMs: 40, wire: WIRE_9600 });
  const line = await Line.openSerial(virtual.linkPath, NEVER);
  line.set({ baudRate: 9600, parity: 'even', stopBits: 1 });
  const heard = await line.ask(QUESTION, 1000);
  expect(heard).toMatchObject({ kind: 'answer', hasEcho: true, strays: 0 });
  expect(heard.firstByteMs).toBeDefined();
  expect(await line.ask({ ...QUESTION, unit: 2 }, 30)).toMatchObject({ kind: 'silent', hasEcho: true });
  await line.close();
});

test('an adapter that goes while it is examined is one that failed', async () => {
  const { line } = virtualLine({ temper: { isMute: true } });
  const examined = examine({ kind: 'serial', path: line.linkPath }, { measureMs: 0, signal: NEVER });
  await sleep(700);
  line.unplug();
  const evidence = await examined;
  expect(evidence.failure).toMatchObject({ when: 'examining' });
  expect(findingsOf(evidence)).toMatchObject([{ cause: 'dead-adapter', level: 'fault' }]);
});

test.for([50, 300, 900, 1600, 2400])('stopped after %i ms, the port is free and set as before', async (afterMs) => {
  const { line } = virtualLine({ turnaroundMs: 20, wire: WIRE_9600 });
  const fd = openSync(line.path ?? '', constants.O_RDWR | constants.O_NOCTTY);
  onTestFinished(() => closeSync(fd));
  const before = readTermios(fd);
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  let said = '';
  let text = '';
  const ran = runDoctor(
    {
      visits: [{ target: { kind: 'serial', path: line.linkPath } }],
      measureMs: 60_000,
      asJson: true,
      out: { write: (part) => (text += part) },
      screen: { write: (text: string) => (said += text) },
    },
    stopped,
  );
  await sleep(afterMs);
  stop();
  expect(await ran).toBe(0);
  expect(said).toContain('stopped before the end');
  expect(readTermios(fd)).toEqual(before);
  const report = JSON.parse(text);
  expect(report).toMatchObject({ stopped: true, lines: [{ isStopped: true }] });
  // What is not known yet is no fault.
  const [{ found, measured, findings }] = report.lines;
  expect(findings.filter(({ level }: { level: string }) => level === 'fault')).toEqual([]);
  if (found === undefined) expect([findings, measured, report.config]).toEqual([[], undefined, null]);
  const next = await serialConnector(line.linkPath, WIRE_9600).open();
  await next.close();
});

test('ended while it measures, it tells the meter that it has found', async () => {
  const { line } = virtualLine();
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  let text = '';
  const code = await runDoctor(
    {
      visits: [{ target: { kind: 'serial', path: line.linkPath } }],
      measureMs: 60_000,
      out: { write: (part) => (text += part) },
      screen: { isTTY: true, columns: 200, write: (shown: string) => /measuring/.test(shown) && stop() },
    },
    stopped,
  );
  expect(code).toBe(0);
  expect(text).toMatch(/found +9600 baud 8E1, unit 1/);
  expect(text).toMatch(/good: the line is good: \d+ reads, none failed/);
  expect(text).toContain('model: we-515');
});

test('several adapters are examined one after the other; one good meter is enough', async () => {
  const { line: dead } = virtualLine({ temper: { isJammed: true } });
  const { line: good } = virtualLine();
  let text = '';
  const code = await runDoctor(
    {
      visits: [dead, good].map((line) => ({ target: { kind: 'serial', path: line.linkPath } })),
      measureMs: 0,
      asJson: true,
      out: { write: (part) => (text += part) },
      screen: { write: () => {} },
    },
    new Promise(() => {}),
  );
  const report = JSON.parse(text);
  expect(report.lines.map(({ findings }: { findings: { cause: string }[] }) => findings[0]?.cause)).toEqual([
    'dead-adapter',
    expect.stringMatching(/any-parity|healthy|not-factory|similar/),
  ]);
  expect(report.config).toContain(`serial: ${good.linkPath}`);
  expect(code).toBe(0);
});

test('a meter that is silent about all but its own registers is found by the model that is expected', async () => {
  const model = {
    ...WE_515,
    name: 'my-meter',
    identify: [],
    fields: WE_515.fields.map((field) => ({ ...field, address: field.address + 0x4000, functionCode: 4 as const })),
  };
  const own = new Set(
    model.fields.flatMap(({ address, words }) => Array.from({ length: words }, (_, i) => address + i)),
  );
  const { line } = virtualLine({ silentRefusals: true, meter: { model, illegal: (address) => !own.has(address) } });
  const expected = { by: 'configuration', model, unit: 1, baudRate: 9600, parity: 'even' } as const;
  const evidence = await examine({ kind: 'serial', path: line.linkPath }, { expected, measureMs: 300, signal: NEVER });
  expect(evidence.found).toMatchObject({ unit: 1, stage: 'given', attempt: 1 });
  expect(findingsOf(evidence)).not.toContainEqual(expect.objectContaining({ cause: 'unknown-model' }));
  expect(evidence.measured?.short.failed).toBe(0);
});

test('a unit that answers later than the sweep waits is found by what comes then', async () => {
  const { line } = virtualLine({ temper: { set: WE_515.serial }, turnaroundMs: 90, unit: 23 });
  const expected = { by: 'command line', baudRate: 9600, parity: 'even' } as const;
  const evidence = await examine({ kind: 'serial', path: line.linkPath }, { expected, measureMs: 0, signal: NEVER });
  expect(evidence.found).toMatchObject({ unit: 23, stage: 'units', settings: { baudRate: 9600, parity: 'even' } });
});
