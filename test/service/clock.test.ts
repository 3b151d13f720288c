import { MODELS } from '../../agent/meters/catalogue.ts';
import { SDM120 } from '../../agent/meters/eastron.ts';
import { WE_526 } from '../../agent/meters/orno.ts';
import { WE_517 } from '../../agent/meters/orno-three-phase.ts';
import { clockDoubt } from '../../agent/system/clock-doubt.ts';
import type { ClockEvidence } from '../../agent/system/clock-state.ts';
import { finished } from '../support/child.ts';
import { type ServiceLineOptions, serviceLine } from '../support/service-line.ts';
import { expect, test } from '../support/side-by-side.ts';

const BERLIN = { TZ: 'Europe/Berlin' };

async function clock(port: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const result = await finished(['meter', 'clock', '--port', port, ...args], env);
  expect(result.err).not.toMatch(/\n\s+at /);
  return result;
}

const drift = async (port: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
  (JSON.parse((await clock(port, ['--json', ...args], env)).out) as { driftSeconds: number | null }).driftSeconds;

test('the drift is shown, and nothing is written', async () => {
  const { port, service } = serviceLine({ service: { clockAheadMs: -754_000 } });
  const { code, out } = await clock(port, []);
  expect(out).toMatch(/^meter {4}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\nmachine {2}.* \(.+\)\ndrift {4}75[345] s behind\n/);
  expect(code).toBe(0);
  expect(service.writes).toEqual([]);
});

test.for([['we-515'], ['we-517']] as const)('--set of a %s writes once and reads back', async ([name]) => {
  const model = MODELS.find((one) => one.name === name);
  if (!model) throw new Error(name);
  const { port, service } = serviceLine({
    meter: { model },
    service: { clockAheadMs: 90_000_000, zone: 'Europe/Berlin' },
  });
  const { code, out } = await clock(port, ['--model', name, '--set', '--force'], BERLIN);
  expect(code).toBe(0);
  expect(out).toMatch(/set and read back: /);
  expect(out).toContain('does not know of summer time');
  expect(service.writes).toHaveLength(1);
  expect(Math.abs(service.clockAheadMs)).toBeLessThanOrEqual(2000);
});

test('the clock is local time: in another zone it is an hour off, which is said', async () => {
  const { port } = serviceLine({ service: { zone: 'Europe/London' } });
  const { out } = await clock(port, [], BERLIN);
  expect(out).toMatch(/drift {4}3[56]\d\d s behind\n +an hour: /);
});

test.for([
  ['refuse', 76, /the time was refused: it refused the write \(exception 4, .*\), and holds what it held/],
  ['ignore', 73, /the time was ignored: it confirmed the write, and holds what it held/],
  ['lose-request', 69, /the time was not written: no answer came \(no answer in time\), and the meter holds/],
  ['half', 79, /the time was not written as a whole: it confirmed the write, and now holds something else/],
  ['lose-reply', 0, /^$/],
  ['late-reply', 0, /^$/],
  ['garble-reply', 0, /^$/],
  ['refuse-done', 0, /^$/],
] as const)('a write with the fault %s ends with %i', async ([fault, expected, sentence]) => {
  const { port, service } = serviceLine({ fault, service: { clockAheadMs: -100_000_000 } });
  const { code, err } = await clock(port, ['--set', '--force']);
  expect(err).toMatch(sentence);
  expect(code).toBe(expected);
  expect(service.writes).toHaveLength(1);
  if (expected === 0) expect(Math.abs(service.clockAheadMs)).toBeLessThanOrEqual(2000);
});

test('a line that is cut by the write leaves open what the meter holds', async () => {
  const { port, service } = serviceLine({ fault: 'unplug', service: { clockAheadMs: -100_000_000 } });
  const { code, err } = await clock(port, ['--set', '--force']);
  expect(err).toMatch(
    /whether the time was written is not known: .*, and the meter cannot be read\n {2}look at the line/,
  );
  expect(code).toBe(69);
  expect(service.writes).toHaveLength(1);
});

test('noise on the line: reads are repeated, the write is not', async () => {
  const noisy: ServiceLineOptions = { faults: { crc: 0.4 }, service: { clockAheadMs: 500_000 } };
  const { port, service } = serviceLine(noisy);
  const { code, err } = await clock(port, ['--set', '--force']);
  expect([0, 69]).toContain(code);
  expect(err === '' ? 0 : 69).toBe(code);
  expect(service.writes.length).toBeLessThanOrEqual(1);
});

test('registers that hold no time are said to', async () => {
  const { port, service } = serviceLine();
  service.overlay = (address, registers) => void (address === 0x8120 && registers.fill(0xff));
  const { code, out } = await clock(port, []);
  expect([code, out]).toEqual([0, expect.stringMatching(/^meter {4}shows no time\n/)]);
});

test.for([
  [SDM120, [], /no clock is known of a sdm120\n {2}those with one are we-515, we-517, we-526/],
  [WE_526, ['--set', '--force'], /the clock of a we-526 is only read: only one source describes it/],
] as const)('%o: what has no known clock is not written to', async ([model, args, sentence]) => {
  const { port, service } = serviceLine({ meter: { model } });
  const { code, err } = await clock(port, ['--model', model.name, ...args]);
  expect(err).toMatch(sentence);
  expect(code).toBe(64);
  expect(service.writes).toEqual([]);
});

test('a clock of one source is read', async () => {
  const { port } = serviceLine({ meter: { model: WE_526 }, service: { clockAheadMs: 60_000 } });
  expect(await drift(port, ['--model', 'we-526'])).toBeGreaterThan(57);
});

test('the registers of a WE-517 are packed decimals, seconds first', async () => {
  const { port, service } = serviceLine({ meter: { model: WE_517 } });
  await clock(port, ['--model', 'we-517', '--set', '--force'], { TZ: 'UTC' });
  const [write] = service.writes;
  expect(write?.address).toBe(0x3c);
  expect(write?.registers).toMatch(/^[0-5]\d[0-5]\d[0-2]\d0[1-7][0-3]\d[01]\d\d\d00$/);
});

test('a machine whose clock nobody vouches for sets no meter', async () => {
  const nowMs = Date.UTC(2026, 11, 1);
  const evidence = (synchronized: boolean, kept: boolean): ClockEvidence => ({
    boot: 'b',
    bootMs: 0,
    synchronized: () => synchronized,
    keptByHardware: () => kept,
  });
  expect(await clockDoubt(evidence(false, false), nowMs, 0)).toBe('no time server has set the clock of this machine');
  expect(await clockDoubt(evidence(true, true), 0, 0)).toMatch(/shows 1970-01-01T00:00:00Z, before there was/);
  expect(await clockDoubt(evidence(true, false), nowMs, 0)).toBeUndefined();
  expect(await clockDoubt(evidence(false, true), nowMs, 0)).toBeUndefined();
});

test('meter clock --set without --force asks for that', async () => {
  const { port, service } = serviceLine({ service: { clockAheadMs: 100_000 } });
  const doubt = await clockDoubt();
  const { code, err } = await clock(port, ['--set']);
  expect([code, err]).toEqual(
    doubt === undefined ? [0, ''] : [69, expect.stringMatching(/the meter is not set: .*\n.*say --force/)],
  );
  expect(service.writes).toHaveLength(doubt === undefined ? 1 : 0);
});
