import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MODELS } from '../../agent/meters/catalogue.ts';
import { SDM120 } from '../../agent/meters/eastron.ts';
import { WE_504, WE_514 } from '../../agent/meters/orno.ts';
import { WE_516 } from '../../agent/meters/orno-three-phase.ts';
import type { ServiceMemory } from '../../agent/simulator/service-memory.ts';
import { finished } from '../support/child.ts';
import { serviceLine } from '../support/service-line.ts';
import { expect, test } from '../support/side-by-side.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function meter(args: string[]) {
  const result = await finished(['meter', ...args]);
  expect(result.err).not.toMatch(/\n\s+at /);
  return result;
}

const address = (port: string, wanted: number, args: string[] = ['--yes']) =>
  meter(['address', String(wanted), '--port', port, ...args]);
const serial = (port: string, args: string[]) => meter(['serial', '--port', port, '--yes', ...args]);

test.for(MODELS.map((model) => [model.name, model] as const))('a %s gets another address and is found there', async ([
  name,
  model,
]) => {
  const { port, service } = serviceLine({ meter: { model } });
  const { code, out } = await address(port, 7, ['--yes', '--model', name]);
  expect(out).toMatch(/the meter answers as 7\nin the configuration: unit: 7\n$/);
  expect([code, service.unit, service.writes.length]).toEqual([0, 7, 1]);
});

test('the configuration says which meter, and is told what to change', async () => {
  const { port, service } = serviceLine();
  const directory = temporaryDirectory();
  const config = join(directory, 'config.yaml');
  writeFileSync(
    config,
    `stateDir: ${directory}/state\nmeters: [{name: house, model: we-515, connection: {serial: ${port}}}]\n`,
  );
  const { out } = await meter(['address', '12', 'house', '--config', config, '--yes']);
  expect(out).toContain('in the configuration of house: unit: 12\n');
  expect(service.unit).toBe(12);
});

test('without confirmation, for the address that it has, and for one that is taken, nothing is written', async () => {
  const { port, service } = serviceLine();
  const refused = await address(port, 7, []);
  expect([refused.code, refused.err]).toEqual([
    64,
    expect.stringMatching(/given the address 7 instead of 1\. Type 1 to go on.*not confirmed/s),
  ]);
  expect((await address(port, 1)).out).toBe('the meter has the address 1 already\n');
  const taken = serviceLine({ others: [9] });
  const doubled = serviceLine({ doubled: [9] });
  for (const { port } of [taken, doubled]) {
    const { code, err } = await address(port, 9);
    expect([code, err]).toEqual([64, expect.stringContaining('address 9 is taken')]);
  }
  expect([service.writes, taken.service.writes, doubled.service.writes]).toEqual([[], [], []]);
});

test('a WE-504 is unlocked first', async () => {
  const { port, service } = serviceLine({ meter: { model: WE_504 }, service: { isLocked: true } });
  expect((await address(port, 7, ['--yes', '--model', 'we-504'])).code).toBe(0);
  expect([service.unlocks, service.writes.length, service.unit]).toEqual([1, 1, 7]);
});

test('a WE-514 that refuses is unlocked, and asked again once it is seen that nothing was done', async () => {
  const { port, service } = serviceLine({ meter: { model: WE_514 }, service: { isLocked: true } });
  expect((await address(port, 7, ['--yes', '--model', 'we-514'])).code).toBe(0);
  expect([service.unlocks, service.writes.length, service.unit]).toEqual([1, 2, 7]);
});

test.for([
  ['lose-reply', 0, 7],
  ['refuse-done', 0, 7],
  ['late-reply', 0, 7],
  ['garble-reply', 0, 7],
  ['refuse', 76, 1],
  ['ignore', 73, 1],
  ['lose-request', 69, 1],
  ['unplug', 69, 1],
] as const)('the address of a WE-516: %s ends with %i', async ([fault, expected, unit]) => {
  const { port, service } = serviceLine({ meter: { model: WE_516 }, fault });
  const { code, err } = await address(port, 7, ['--yes', '--model', 'we-516']);
  expect([code, service.unit, service.writes.length]).toEqual([expected, unit, 1]);
  if (expected === 76) expect(err).toContain('the address was refused: it refused the write (exception 4');
  if (expected === 73) expect(err).toContain('the address was ignored: it confirmed the write');
  if (fault === 'lose-request') expect(err).toContain('the address was not written: no answer came');
  if (fault === 'unplug') expect(err).toContain('whether the address was written is not known');
});

test('stored, and in effect after a restart only: found under the old address', async () => {
  const { port, service } = serviceLine({ meter: { model: SDM120 }, service: { isUnitLazy: true } });
  const { code, out } = await address(port, 7, ['--yes', '--model', 'sdm120']);
  expect(out).toMatch(/^first hold the button of the meter/);
  expect(out).toContain('the meter has stored 7 and still answers as 1: it changes at once, or after a restart\n');
  expect([code, service.writes.length]).toEqual([0, 1]);
});

test('what does not look like the model is not written to', async () => {
  const { port, service } = serviceLine();
  const { code, err } = await address(port, 7, ['--yes', '--model', 'we-516']);
  expect([code, err]).toEqual([
    69,
    expect.stringMatching(/this is no we-516: its register 0x0002 holds 0, its address is 1\n.*nothing was written/),
  ]);
  expect(service.writes).toEqual([]);
});

/** A meter hears only what comes at its rate, which it takes over at once. */
function atItsRate() {
  let port = '';
  const heard = (service: ServiceMemory) =>
    Number(execFileSync('stty', ['-F', port, 'speed'], { encoding: 'utf8' })) === service.baudRate;
  const line = serviceLine({ meter: { model: WE_516 }, heard });
  port = line.port;
  return line;
}

test('a rate that is taken over at once: the meter is found under it', async () => {
  const { port, service } = atItsRate();
  const { code, out } = await serial(port, ['--model', 'we-516', '--to-baud', '4800']);
  expect(out).toBe(
    'baudRate: 4800: the meter answers with it\nin the configuration, once the meter has changed: baudRate: 4800\n',
  );
  expect([code, service.baudRate, service.writes.length]).toEqual([0, 4800, 1]);
  expect((await meter(['read', '--port', port, '--model', 'we-516', '--baud', '4800'])).code).toBe(0);
});

test('a rate that takes effect after a restart: found under the old one, and said', async () => {
  let port = '';
  const heard = () => Number(execFileSync('stty', ['-F', port, 'speed'], { encoding: 'utf8' })) === 9600;
  const line = serviceLine({ heard });
  port = line.port;
  const { code, out } = await serial(port, ['--to-baud', '4800', '--to-parity', 'none']);
  expect(out).toContain('baudRate: 4800: stored; the meter changes after a restart\n');
  expect(out).toContain('once the meter has changed: parity: none, baudRate: 4800\n');
  expect([code, line.service.held(0x0111, 1)]).toEqual([0, '0103']);
});

test.for([
  ['refuse', 76],
  ['ignore', 73],
  ['lose-request', 69],
] as const)('the rate: %s ends with %i', async ([fault, expected]) => {
  const { port, service } = serviceLine({ meter: { model: WE_516 }, fault });
  const { code } = await serial(port, ['--model', 'we-516', '--to-baud', '4800']);
  expect([code, service.baudRate, service.writes.length]).toEqual([expected, 9600, 1]);
});

test.for([
  [['--to-baud', '19200'], /a we-515 takes no 19200 baud\n {2}it takes 1200, 2400, 4800, 9600/],
  [['--model', 'we-516', '--to-parity', 'none'], /a we-516 takes no parity none\n {2}its parity is fixed/],
  [[], /nothing is said to be changed\n {2}say --to-baud or --to-parity/],
] as const)('%j is refused before anything is asked', async ([args, sentence]) => {
  const { port, service } = serviceLine();
  const { code, err } = await serial(port, [...args]);
  expect([code, err]).toEqual([64, expect.stringMatching(sentence)]);
  expect(service.writes).toEqual([]);
});
