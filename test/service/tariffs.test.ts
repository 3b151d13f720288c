import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SDM630 } from '../../agent/meters/eastron.ts';
import { WE_526 } from '../../agent/meters/orno.ts';
import { WE_517 } from '../../agent/meters/orno-three-phase.ts';
import type { PlannedFault } from '../../agent/simulator/write-faults.ts';
import { finished, REPOSITORY, runCommand, runProgram } from '../support/child.ts';
import { serviceLine } from '../support/service-line.ts';
import { expect, test } from '../support/side-by-side.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const WORKDAY = 0x8100;
const WEEKEND = 0x8110;

async function tariffs(port: string, args: string[] = []) {
  const result = await finished(['meter', 'tariffs', '--port', port, ...args]);
  expect(result.err).not.toMatch(/\n\s+at /);
  return result;
}

function file(text: string): string {
  const path = join(temporaryDirectory(), 'tariffs.yaml');
  writeFileSync(path, text);
  return path;
}

const NEW = `model: we-515
workday:
  - {at: "06:00", tariff: 1}
  - {at: "09:30", tariff: 2}
  - {at: "21:00", tariff: 3}
weekend: [{at: "00:00", tariff: 3}]
`;
const NEW_WORKDAY = '06000001091e000215000003';
const OLD_WORKDAY = '0700000216000003';
const padded = (hex: string) => hex.padEnd(64, '0');

test('the schedule is printed as a file that changes nothing when it is written back', async () => {
  const { port, service } = serviceLine();
  const { out } = await tariffs(port);
  expect(out).toContain('\nworkday:\n  - {at: "07:00", tariff: 2}\n  - {at: "22:00", tariff: 3}\n');
  expect(out).toContain('\nweekend: []\n');
  expect(out).toContain('\nholidays: []\n');
  const { code, out: said } = await tariffs(port, ['--set', file(out)]);
  expect([code, said]).toEqual([0, 'nothing to change: the meter has this schedule\n']);
  expect(service.writes).toEqual([]);
});

test('--dry-run shows what would change and writes nothing', async () => {
  const { port, service } = serviceLine();
  const { code, out } = await tariffs(port, ['--set', file(NEW), '--dry-run']);
  expect(out).toContain('workday: working days, 0x8100\n  + 06:00 tariff 1\n  - 07:00 tariff 2\n');
  expect(out).toContain('weekend: Saturdays and Sundays, 0x8110\n  + 00:00 tariff 3\n');
  expect(code).toBe(0);
  expect(service.writes).toEqual([]);
});

test('what is said is written, each part once, and read back; what is left out stays', async () => {
  const { port, service } = serviceLine();
  const { code, out } = await tariffs(port, ['--set', file(NEW), '--yes']);
  expect(out).toMatch(/workday: new, read back\nweekend: new, read back\n$/);
  expect(code).toBe(0);
  expect(service.writes.map(({ address }) => address)).toEqual([WORKDAY, WEEKEND]);
  expect(service.held(WORKDAY, 16)).toBe(padded(NEW_WORKDAY));
});

test('without confirmation nothing is written', async () => {
  const { port, service } = serviceLine();
  const { code, err } = await tariffs(port, ['--set', file(NEW)]);
  expect(err).toMatch(/not confirmed: nothing was written\n {2}type yes, or say --yes/);
  expect([code, service.writes]).toEqual([64, []]);
});

test('typing yes confirms', async () => {
  const { port, service } = serviceLine();
  const args = ['meter', 'tariffs', '--port', port, '--set', file(NEW)];
  const child = spawn(`${REPOSITORY}/agent/energy-monitor`, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.end('yes\n');
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  expect(service.writes).toHaveLength(2);
});

test.for([
  [
    'refuse',
    76,
    /the schedule was refused: it refused the write \(exception 4/,
    'workday: old, as it was\nweekend: old, as it was\n',
  ],
  [
    'ignore',
    73,
    /the schedule was ignored: it confirmed the write/,
    'workday: old, as it was\nweekend: old, as it was\n',
  ],
  [
    'lose-request',
    69,
    /the schedule was not written: no answer came/,
    'workday: old, as it was\nweekend: old, as it was\n',
  ],
  ['half', 79, /the schedule is half written: at workday it confirmed/, 'workday: neither old nor new; it holds '],
  [
    'unplug',
    69,
    /the schedule may be half written: no answer came/,
    'workday: cannot be read: old or new\nweekend: not written; cannot be read\n',
  ],
] as const)('the first write: %s ends with %i, and nothing more is written', async ([
  fault,
  expected,
  sentence,
  states,
]) => {
  // What half of a schedule is written shows only where the halves differ.
  const long = NEW.replace('"21:00"', '"17:00"').replace(
    'weekend',
    '  - {at: "20:00", tariff: 4}\n  - {at: "23:00", tariff: 3}\nweekend',
  );
  const { port, service } = serviceLine({ fault });
  const { code, err, out } = await tariffs(port, ['--set', file(long), '--yes']);
  expect(err).toMatch(sentence);
  expect(out).toContain(states);
  expect(code).toBe(expected);
  expect(service.writes).toHaveLength(1);
});

test.for([
  'lose-reply',
  'late-reply',
  'garble-reply',
  'refuse-done',
] as const)('%s: reading back shows that it was done, and it goes on', async (fault) => {
  const { port, service } = serviceLine({ fault });
  const { code } = await tariffs(port, ['--set', file(NEW), '--yes']);
  expect(code).toBe(0);
  expect(service.writes.map(({ address }) => address)).toEqual([WORKDAY, WEEKEND]);
});

test.for([
  'refuse',
  'ignore',
  'lose-request',
  'unplug',
] as const)('broken off at the second part by %s: what is new and what is old is said', async (fault) => {
  const { port, service } = serviceLine({ service: { faults: [{ fault, at: 2 }] } });
  const { code, err, out } = await tariffs(port, ['--set', file(NEW), '--yes']);
  if (fault === 'unplug') expect([code, err]).toEqual([69, expect.stringContaining('may be half written')]);
  else {
    expect(out).toContain('workday: new, read back\nweekend: old, as it was\n');
    expect([code, err]).toEqual([79, expect.stringContaining('the schedule is half written: at weekend ')]);
  }
  expect(service.writes).toHaveLength(2);
});

test('a meter that takes no block gets entry by entry; at each step it has a valid schedule', async () => {
  const { port, service } = serviceLine({ service: { maxWrite: 2 } });
  const states: string[] = [];
  const write = service.write.bind(service);
  service.write = (...args) => {
    const effect = write(...args);
    states.push(service.held(WORKDAY, 16));
    return effect;
  };
  const { code } = await tariffs(port, ['--set', file(NEW.replace(/weekend.*/, '')), '--yes']);
  expect(code).toBe(0);
  expect(states).toEqual([
    padded(OLD_WORKDAY),
    padded('07000002'),
    padded('06000001'),
    padded('06000001091e0002'),
    padded(NEW_WORKDAY),
  ]);
});

test('entry by entry, cut off in the middle: the beginning of the schedule, and said so', async () => {
  const faults: PlannedFault[] = [{ fault: 'ignore', at: 4 }];
  const { port, service } = serviceLine({ service: { maxWrite: 2, faults } });
  const { code, err, out } = await tariffs(port, ['--set', file(NEW), '--yes']);
  expect(out).toContain('workday: neither old nor new; it holds 06:00 tariff 1\nweekend: old, as it was\n');
  expect([code, err]).toEqual([79, expect.stringContaining('half written: at workday')]);
  expect(service.writes).toHaveLength(4);
});

test('Ctrl-C while it writes: the part under way is finished, and the state is told', async () => {
  const { port, service } = serviceLine({ fault: 'late-reply' });
  const child = runCommand(['meter', 'tariffs', '--port', port, '--set', file(NEW), '--yes']);
  await child.printed(/writing workday/);
  expect(await child.end('SIGINT')).toBe(79);
  expect(child.output()).toContain('workday: new, read back\nweekend: old, as it was\n');
  expect(child.errors()).toContain('the schedule is half written: it was stopped');
  expect(service.writes).toHaveLength(1);
});

test('neither a terminal that is lost nor a reader that has gone leaves a schedule half written', async () => {
  const [lost, unread] = [serviceLine({ fault: 'late-reply' }), serviceLine()];
  const child = runCommand(['meter', 'tariffs', '--port', lost.port, '--set', file(NEW), '--yes']);
  await child.printed(/writing workday/);
  expect(await child.end('SIGHUP')).toBe(0);
  expect(child.output()).toContain('workday: new, read back\nweekend: new, read back\n');
  const args = ['meter', 'tariffs', '--port', unread.port, '--set', file(NEW), '--yes'];
  const command = [`${REPOSITORY}/agent/energy-monitor`, ...args].map((word) => `'${word}'`).join(' ');
  const piped = runProgram('/bin/bash', ['-c', `set -o pipefail; ${command} | true`]);
  expect(await piped.ended).toBe(0);
  for (const { service } of [lost, unread]) {
    expect([service.held(WORKDAY, 16), service.held(WEEKEND, 2)]).toEqual([padded(NEW_WORKDAY), '00000003']);
  }
});

test('killed in the middle: each part is old or new as a whole, and the next run writes what is missing', async () => {
  const { port, service } = serviceLine({ fault: 'late-reply' });
  const path = file(NEW);
  const child = runCommand(['meter', 'tariffs', '--port', port, '--set', path, '--yes']);
  await child.printed(/writing workday/);
  await expect.poll(() => service.writes.length).toBe(1);
  await child.end('SIGKILL');
  expect([service.held(WORKDAY, 16), service.held(WEEKEND, 2)]).toEqual([padded(NEW_WORKDAY), '00000000']);
  const { code, out } = await tariffs(port, ['--set', path, '--yes']);
  expect([code, out]).toEqual([0, expect.stringMatching(/^weekend: /)]);
  expect(service.writes.map(({ address }) => address)).toEqual([WORKDAY, WEEKEND]);
});

test('noise on the line costs repeated reads, never a second write', async () => {
  const { port, service } = serviceLine({ faults: { crc: 0.2, noise: 0.1 } });
  const { code, out } = await tariffs(port, ['--set', file(NEW), '--yes']);
  expect([0, 69, 79]).toContain(code);
  if (code === 0) expect(out).toMatch(/weekend: new, read back\n$/);
  const addresses = service.writes.map(({ address }) => address);
  expect(new Set(addresses).size).toBe(addresses.length);
});

test('dates: what the meter holds tells how, and where it does not a person has to', async () => {
  const { port, service } = serviceLine();
  const early = await tariffs(port, ['--set', file('model: we-515\nholidays: ["01-01", "05-01"]\n'), '--yes']);
  expect([early.code, service.held(0x8140, 3)]).toEqual([0, '010105010000']);
  const path = file('model: we-515\nholidays: ["01-01", "12-25"]\n');
  const open = await tariffs(port, ['--set', path, '--yes']);
  expect([open.code, open.err]).toEqual([64, expect.stringContaining('say --dates binary or --dates bcd')]);
  expect((await tariffs(port, ['--set', path, '--yes', '--dates', 'bcd'])).code).toBe(0);
  expect(service.held(0x8140, 3)).toBe('010112250000');
  expect((await tariffs(port)).out).toContain('holidays: ["01-01", "12-25"]');
});

test('day tables of a WE-517 are three packed bytes each; its seasons are only read', async () => {
  const { port, service } = serviceLine({ meter: { model: WE_517 } });
  const model = ['--model', 'we-517'];
  const day = 'model: we-517\nday2: [{at: "06:45", tariff: 1}, {at: "13:00", tariff: 4}, {at: "22:10", tariff: 2}]\n';
  expect((await tariffs(port, [...model, '--set', file(day), '--yes'])).code).toBe(0);
  expect(service.held(0x030c, 5)).toBe('06450113000422100200');
  const seasons = await tariffs(port, [
    ...model,
    '--set',
    file('model: we-517\nseasons: [{from: "04-01", table: 2}]\n'),
    '--yes',
  ]);
  expect([seasons.code, seasons.err]).toEqual([64, expect.stringContaining('seasons is only read: sources disagree')]);
  expect(service.writes).toHaveLength(1);
});

test.for([
  [WE_526, ['--set', 'FILE', '--yes'], 64, /day1 is only read: only one source describes it/],
  [SDM630, [], 64, /no tariff schedule is known of a sdm630\n {2}those with one are we-515, we-517, we-526/],
] as const)('%o: what is not known well enough is not written', async ([model, args, expected, sentence]) => {
  const { port, service } = serviceLine({ meter: { model } });
  const path = file(`model: ${model.name}\nday1: [{at: "06:00", tariff: 1}]\n`);
  const { code, err } = await tariffs(port, [
    '--model',
    model.name,
    ...args.map((arg) => (arg === 'FILE' ? path : arg)),
  ]);
  expect([code, err]).toEqual([expected, expect.stringMatching(sentence)]);
  expect(service.writes).toEqual([]);
});

test('registers that make no sense are shown as they are', async () => {
  const { port, service } = serviceLine();
  service.write(WEEKEND, Buffer.from('63630009', 'hex'), Date.now());
  const { out } = await tariffs(port);
  expect(out).toMatch(/# Saturdays and Sundays; not understood: 636300090{56}\n# weekend: \[\]/);
});
