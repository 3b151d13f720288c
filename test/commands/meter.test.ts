import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Journal } from '../../agent/journal/journal.ts';
import { MODELS } from '../../agent/meters/catalogue.ts';
import { METER_QUANTITIES } from '../../agent/readings/quantity.ts';
import { finished, REPOSITORY, runCommand } from '../support/child.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIXTURE = join(REPOSITORY, 'test/fixtures/tables/twenty-mistakes.yaml');
const BASE = Date.UTC(2026, 10, 21, 11, 0, 0);

/** A table that was printed by the command, with a name of its own. */
async function printedTable(model: string): Promise<string> {
  const path = join(temporaryDirectory(), 'my-meter.yaml');
  const { code, out } = await finished(['meter', 'describe', model, '--yaml']);
  expect(code).toBe(0);
  writeFileSync(path, out);
  return path;
}

test('meter models: each with its title, phases and factory settings', async () => {
  const { code, out } = await finished(['meter', 'models']);
  expect(code).toBe(0);
  const lines = out.trimEnd().split('\n');
  expect(lines).toHaveLength(MODELS.length + 1);
  expect(lines[0]).toMatch(/^model +meter +phases +serial +unit$/);
  expect(lines).toContainEqual(expect.stringMatching(/^sdm120 +Eastron SDM120, one phase, 45 A.* 1 +2400 8N1 +1$/));
  expect(lines).toContainEqual(expect.stringMatching(/^we-517 +ORNO OR-WE-517, three phases.* 3 +9600 8E1 +1$/));
  const json = JSON.parse((await finished(['meter', 'models', '--json'])).out) as { name: string }[];
  expect(json.map(({ name }) => name)).toEqual(MODELS.map(({ name }) => name));
});

test('meter describe: the registers of a model, as text and as JSON', async () => {
  const { code, out } = await finished(['meter', 'describe', 'sdm630']);
  expect(code).toBe(0);
  expect(out).toContain('60 ms of silence before a request');
  expect(out).toMatch(/^input +0x0034 +52 +float32 +ABCD +1 +W +-110000 to 110000 +active_power$/m);
  const json = JSON.parse((await finished(['meter', 'describe', 'we-515', '--json'])).out) as { fields: object[] };
  expect(json.fields[1]).toMatchObject({
    quantity: 'voltage',
    functionCode: 3,
    address: 0x0131,
    type: 'u16',
    scale: 0.01,
  });
});

test('meter describe of a table: what was understood, or every mistake', async () => {
  const path = await printedTable('we-516');
  const { code, out } = await finished(['meter', 'describe', path]);
  expect(code).toBe(0);
  expect(out).toMatch(/^model +my-we-516: ORNO OR-WE-516/);
  const wrong = await finished(['meter', 'describe', FIXTURE]);
  expect(wrong.code).toBe(78);
  expect(wrong.err).toContain(`energy-monitor: ${FIXTURE} has 32 mistakes:\n`);
  expect(wrong.err).toContain('meter describe we-515 --yaml');
  expect(wrong.err).not.toMatch(/\n\s+at /);
});

test.for([
  [['meter', 'describe', 'we-999'], 64, /there is no meter we-999\n {2}use one of we-504/],
  [['meter', 'describe', './none.yaml'], 78, /the register table .*none\.yaml is not there/],
  [['simulate', '--model', './none.yaml'], 78, /the register table .*none\.yaml is not there/],
  [['live', '--model', './none.yaml'], 78, /meters\[0\]\.model: is ".\/none.yaml"; the register table .* is not there/],
] as const)('%j ends with %i', async ([args, expected, sentence]) => {
  const { code, err } = await finished([...args], { XDG_STATE_HOME: temporaryDirectory() });
  expect(err).toMatch(sentence);
  expect(err).not.toMatch(/\n\s+at /);
  expect(code).toBe(expected);
});

test('meter quantities: each with its unit', async () => {
  const { out } = await finished(['meter', 'quantities']);
  const lines = out.trimEnd().split('\n').slice(1);
  expect(lines.map((line) => line.split(' ')[0])).toEqual([...METER_QUANTITIES]);
  expect(lines).toContainEqual(
    expect.stringMatching(/^active_energy_export_t2 +kWh +active energy, export, tariff 2$/),
  );
});

test('live reads a virtual meter with three phases by a table of the user', async () => {
  const path = await printedTable('sdm630');
  const child = runCommand(['live', '--model', path, '--state-dir', join(temporaryDirectory(), 'state')]);
  await child.printed(/\d+ W {2}\d+\.\d\/\d+\.\d\/\d+\.\d V {2}\d+\.\d+\/\d+\.\d+\/\d+\.\d+ A {2}\d+\.\d+ kWh/);
  expect(await child.end('SIGINT')).toBe(0);
});

test('readings have columns for phases where there are such readings, and only there', async () => {
  const stateDir = temporaryDirectory();
  const append = (values: Record<string, number>, meter: string, timeMs: number) => {
    const journal = Journal.open({ stateDir, flushIntervalMs: 10_000, log: silentLog });
    journal.append({ series: { measurement: 'energy', meter, model: 'm' }, timeMs, values }, DECIMALS);
    journal.close();
  };
  const csv = async () => {
    const range = ['--from', '2026-11-21T11:00:00Z', '--to', '2026-11-21T11:00:10Z'];
    return (await finished(['readings', '--state-dir', stateDir, ...range, '--format', 'csv'])).out.split('\r\n');
  };
  append(readingAt(BASE).values, 'flat', BASE);
  expect((await csv())[0]).toMatch(/,start_offset,duration$/);
  append({ voltage_l1: 230, active_energy_import: 5 }, 'house', BASE + 1000);
  const [head, flat, house] = await csv();
  expect(head).toMatch(/,start_offset,duration,voltage_l1,active_energy_import$/);
  expect(flat).toMatch(/,,$/);
  expect(house).toMatch(/^2026-11-21T11:00:01.000Z,house,,.*,230,5$/);
});
