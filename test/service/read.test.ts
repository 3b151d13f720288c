import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MODELS } from '../../agent/meters/catalogue.ts';
import { finished, runCommand } from '../support/child.ts';
import { serviceLine } from '../support/service-line.ts';
import { expect, test } from '../support/side-by-side.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Register {
  quantity: string;
  address: number;
  words: string[] | null;
  value: number | null;
  problem?: string;
}

const read = (args: string[]) => finished(['meter', 'read', ...args]);

/** A configuration of one meter, and its state directory. */
function configuration(port: string, more = ''): string {
  const directory = temporaryDirectory();
  const path = join(directory, 'config.yaml');
  const lines = [
    `stateDir: ${join(directory, 'state')}`,
    'meters:',
    `  - {name: house, model: we-515, connection: {serial: ${port}}}`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n${more}`);
  return path;
}

test.for(MODELS.map((model) => [model.name, model] as const))('all registers of a %s', async ([name, model]) => {
  const { port, meter } = serviceLine({ meter: { model } });
  const { code, out, err } = await read(['--port', port, '--model', name, '--json']);
  expect([code, err]).toEqual([0, '']);
  const registers = JSON.parse(out) as Register[];
  expect(registers).toHaveLength(model.fields.length);
  for (const { quantity, value } of registers) expect([quantity, value]).toEqual([quantity, meter.values()[quantity]]);
});

test('each register is shown with its address, words, value and unit', async () => {
  const { port, meter } = serviceLine();
  const { out } = await read(['--config', configuration(port), 'house']);
  const volts = meter.values().voltage ?? 0;
  const words = Math.round(volts * 100)
    .toString(16)
    .toUpperCase();
  expect(out).toMatch(new RegExp(`^holding {2}0x0131 {3}${words} +${volts.toFixed(2)} +V +voltage$`, 'm'));
});

test('a register that the meter refuses costs no other', async () => {
  const { port } = serviceLine({ meter: { illegal: (address) => address === 0x0150 } });
  const { code, out } = await read(['--port', port, '--json']);
  expect(code).toBe(0);
  const missing = (JSON.parse(out) as Register[]).filter(({ value }) => value === null);
  expect(missing.map(({ quantity, problem }) => [quantity, problem])).toEqual([
    ['apparent_power', expect.stringContaining('exception 2, it has no such register')],
  ]);
});

test('the configuration names the meter; a name that is none is told with those there are', async () => {
  const { port } = serviceLine();
  const config = configuration(port);
  expect((await read(['--config', config])).code).toBe(0);
  const wrong = await read(['--config', config, 'hous']);
  expect(wrong.code).toBe(64);
  expect(wrong.err).toMatch(/there is no meter hous in the configuration\n {2}did you mean house\?/);
});

test('while the collector has the port, it is named, and nothing is asked', async () => {
  const { port } = serviceLine();
  const config = configuration(port);
  const collector = runCommand(['collect', '--config', config]);
  await collector.printed(/collecting/);
  await collector.printed(/line open/);
  const { code, err } = await read(['--config', config]);
  const sentence = `${port} is held by the collector, process ${collector.process.pid}`;
  expect(err).toContain(sentence);
  expect(err).toContain('systemctl stop energy-monitor');
  expect(code).toBe(69);
  const byPort = await read(['--port', port]);
  expect([byPort.code, byPort.err]).toEqual([69, expect.stringContaining(`serial port ${sentence}`)]);
  expect(await collector.end('SIGTERM')).toBe(0);
  expect((await read(['--config', config])).code).toBe(0);
});

test('a meter that is not there', async () => {
  const { port } = serviceLine();
  const { code, err } = await read(['--port', port, '--unit', '9']);
  expect(err).toMatch(/unit 9 on .* does not answer: no answer in time\n {2}check unit, baud rate and parity/);
  expect(code).toBe(69);
});
