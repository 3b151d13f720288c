import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from '../../agent/config/config-error.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { meterModel } from '../../agent/config/meter-model.ts';
import { loadTable, parseTable } from '../../agent/config/table.ts';
import { REPOSITORY } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIXTURE = join(REPOSITORY, 'test/fixtures/tables/twenty-mistakes.yaml');

const problemsIn = (text: string) =>
  (parseTable(text).problems ?? []).map(({ line, path, message }) => `${line ?? '-'} ${path}: ${message}`);

const REGISTER = '{quantity: voltage, address: 0, type: u16, scale: 0.1, unit: V}';
const tableOf = (register: string, more = '') => `name: mine\nmaxPower: 36000\n${more}registers:\n  - ${register}\n`;
const problemsOf = (register: string, more?: string) => problemsIn(tableOf(register, more));

test('twenty mistakes and more are named at once, each with its line, place and remedy', () => {
  expect(problemsIn(readFileSync(FIXTURE, 'utf8'))).toEqual([
    '1 name: is "we-515"; that is a meter which is built in; give yours another name',
    '3 phases: is 2; use one of 1, 3',
    '4 serial.baudRate: is 9601; use one of 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200',
    '4 serial.parity: is "evn"; use one of none, even, odd',
    '4 serial.unit: is 300; use a whole number from 1 to 247',
    '5 function: is "coil"; use holding (function code 3) or input (4)',
    '6 wordOrder: is "big"; use one of high-first, low-first (the word with the highest digits)',
    '7 maxPower: is 0; write the greatest apparent power that the meter can count, of all phases, in VA, such as 36000',
    '8 maxBlock: is 200; use a whole number from 1 to 125',
    '9 pause: is 60; write a duration with its unit, such as 0ms to 1s',
    '11 registers[0].quantity: is "volts"; names are printed by: energy-monitor meter quantities',
    '12 registers[1].address: is 70000; use a whole number from 0 to 65535',
    '13 registers[2].address: is missing; use a whole number from 0 to 65535',
    '13 registers[2].adress: unknown key; did you mean address?',
    '15 registers[4].type: is "flot32"; did you mean float32?',
    '16 registers[5].words: is 3; use 1, 2 or 4, or leave it out: the type says it',
    '18 registers[7].scale: is 0; write the value of one raw step in the unit, from 1e-9 to 1e9, such as 0.01',
    '20 registers[9].scale: is NaN; write the value of one raw step in the unit, from 1e-9 to 1e9, such as 0.01',
    '28 registers[17].byteOrder: is "low"; use one of high-first, low-first (the byte with the highest digits)',
    '28 registers[17].decimals: is 2.5; use a whole number from 0 to 9',
    '2 titel: unknown key; did you mean title?',
    '14 registers[3].address: is 65535, from where float32 would end beyond 65535; write the first of its 2 registers',
    '17 registers[6].words: is 1, s32 takes 2; leave it out, or write the type that has 1',
    '19 registers[8].unit: is "Wh", active_energy is kept in kWh; write unit: kWh and scale: 0.01, which is 10 x 0.001',
    '21 registers[10].scale: is -0.01, so active_energy_t2 would only fall; write it without its sign',
    '22 registers[11].unit: is "°C", active_energy_t3 is kept in kWh; write unit: kWh, or another quantity',
    '23 registers[12].unit: is missing; write unit: kvarh, and the scale for it',
    '24 registers[13].min: is 300, with a range from 300 to 200 no value is possible; write min below max',
    '25 registers[14].scale: is 1000, one step is more than all that is possible (0 to 400); write the value of one raw step',
    '26 registers[15].scale: is 0.001, u16 then holds 0 to 65.535, possible is 180 to 280; write the value of one raw step',
    '27 registers[16].quantity: is "voltage_l1", as is registers[13]; keep one of both',
    '17 registers[6].address: is 21, its registers overlap registers[5] (20 to 21); correct one of both addresses or types',
  ]);
});

test('the table of the documentation is right', () => {
  const page = readFileSync(join(REPOSITORY, 'agent/meters/README.md'), 'utf8');
  const table = /<!-- A test loads this table. -->\n```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
  const { model, problems } = parseTable(table);
  expect(problems).toBeUndefined();
  expect(model).toMatchObject({
    name: 'my-meter',
    phases: 1,
    serial: { baudRate: 9600, parity: 'none', stopBits: 1, unit: 1 },
    maxPowerVA: 15_000,
    maxBlock: 60,
    pauseMs: 20,
    responseMs: 300,
    unassigned: [0x11],
  });
  expect(
    model?.fields.map(({ quantity, functionCode, words, decimals }) => [quantity, functionCode, words, decimals]),
  ).toEqual([
    ['voltage', 4, 1, 1],
    ['current', 4, 2, 3],
    ['frequency', 4, 1, 2],
    ['active_power', 4, 1, 0],
    ['power_factor', 4, 1, 3],
    ['active_energy', 3, 2, 2],
  ]);
  expect(model?.fields[1]).toMatchObject({ wordOrder: 'low-first', byteOrder: 'high-first', min: -150, max: 150 });
});

test('the keys of the page are all that there are', () => {
  const page = readFileSync(join(REPOSITORY, 'agent/meters/README.md'), 'utf8');
  const [problem = ''] = problemsOf(REGISTER, 'nothing: 1\n');
  const known = /known here are (.*)$/.exec(problem)?.[1]?.split(', ') ?? [];
  expect(known.length).toBeGreaterThan(10);
  for (const key of known) expect(page, key).toMatch(new RegExp(`^${key}:`, 'm'));
});

test('the least table has the defaults', () => {
  const { model } = parseTable(tableOf(REGISTER));
  expect(model).toEqual({
    name: 'mine',
    maker: '',
    title: 'mine',
    phases: 1,
    serial: { baudRate: 9600, parity: 'none', stopBits: 1, unit: 1 },
    maxPowerVA: 36_000,
    maxBlock: 125,
    pauseMs: 0,
    responseMs: undefined,
    unassigned: [],
    identify: [],
    fields: [
      {
        quantity: 'voltage',
        functionCode: 3,
        address: 0,
        words: 1,
        type: 'u16',
        wordOrder: 'high-first',
        byteOrder: 'high-first',
        scale: 0.1,
        decimals: 1,
        min: 0,
        max: 1000,
      },
    ],
  });
});

test.for([
  ['{quantity: voltage, address: 0, type: uint16, unit: V}', 'u16', 0],
  ['{quantity: voltage, address: 0, type: int32, scale: 0.05, unit: V}', 's32', 2],
  ['{quantity: voltage, address: 0, type: float64, unit: V}', 'float64', 2],
  ['{quantity: voltage, address: 0, type: u64, scale: 10, unit: V, max: 100000}', 'u64', 0],
] as const)('%s is %s with %s decimals', ([register, type, decimals]) => {
  expect(parseTable(tableOf(register)).model?.fields[0]).toMatchObject({ type, decimals });
});

test('two registers of different spaces may have one address', () => {
  const text = `${tableOf(REGISTER)}  - {quantity: current, address: 0, function: input, type: u16, unit: A}\n`;
  expect(problemsIn(text)).toEqual([]);
});

test.for([
  [
    'kWh for W',
    '{quantity: active_power, address: 0, type: u16, unit: kW}',
    'is "kW", active_power is kept in W; write unit: W and scale: 1000, which is 1 x 1000',
  ],
  [
    'Wh for kWh',
    '{quantity: active_energy, address: 0, type: u32, scale: 10, unit: Wh}',
    'is "Wh", active_energy is kept in kWh; write unit: kWh and scale: 0.01, which is 10 x 0.001',
  ],
  [
    'MWh for kWh',
    '{quantity: active_energy, address: 0, type: float32, unit: MWh}',
    'write unit: kWh and scale: 1000, which is 1 x 1000',
  ],
  [
    'mA for A',
    '{quantity: current, address: 0, type: u16, unit: mA}',
    'write unit: A and scale: 0.001, which is 1 x 0.001',
  ],
  [
    'another unit',
    '{quantity: current, address: 0, type: u16, unit: V}',
    'is "V", current is kept in A; write unit: A, or another quantity',
  ],
  ['no unit', '{quantity: current, address: 0, type: u16}', 'is missing; write unit: A, and the scale for it'],
  [
    'a unit where there is none',
    '{quantity: power_factor, address: 0, type: s16, scale: 0.001, unit: "%"}',
    'is "%", power_factor has none; leave it out',
  ],
] as const)('a unit that does not fit says how to write it: %s', ([, register, said]) => {
  const problems = problemsOf(register);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(`4 registers[0].unit: `);
  expect(problems[0]).toContain(said);
});

test('a factor has no unit, written or not', () => {
  for (const unit of ['', ', unit: ""']) {
    expect(problemsOf(`{quantity: power_factor, address: 0, type: s16, scale: 0.001${unit}}`)).toEqual([]);
  }
});

test.for([
  ['no registers', 'name: mine\nmaxPower: 1\nregisters: []', '3 registers: is []; list at least one register'],
  ['no mapping', '7', '- : is 7; write a mapping with name, maxPower and registers at least'],
  ['nothing', '', /name: is missing; give the meter a name/],
  ['no YAML', 'name: [', /no valid YAML/],
] as const)('%s', ([, text, said]) => {
  expect(problemsIn(text).join('\n')).toMatch(
    said instanceof RegExp ? said : new RegExp(said.replace(/[[\]]/g, '\\$&')),
  );
});

const mistakesOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

/** A directory with tables, and a configuration text whose meters have these models. */
function tablesIn(tables: Record<string, string>) {
  const directory = temporaryDirectory();
  for (const [name, text] of Object.entries(tables)) writeFileSync(join(directory, name), text);
  const file = join(directory, 'config.yaml');
  const read = (...models: string[]) => {
    const meters = models.map((model, i) => ({ name: `m${i}`, model, connection: { tcp: `10.0.0.${i + 1}` } }));
    return parseConfig(JSON.stringify({ meters }), file);
  };
  return { directory, read };
}

test('the path of a table begins at the configuration, and two meters may share it', () => {
  const { read } = tablesIn({ 'mine.yaml': tableOf(REGISTER) });
  const { meters } = read('./mine.yaml', 'mine.yaml', 'we-515');
  expect(meters.map((meter) => meterModel(meter).name)).toEqual(['mine', 'mine', 'we-515']);
  expect(meters.map(({ model }) => model)).toEqual(['./mine.yaml', 'mine.yaml', 'we-515']);
});

test('mistakes of tables are named beside those of the configuration, each with its file', () => {
  const { directory, read } = tablesIn({
    'mine.yaml': tableOf('{quantity: voltage, address: 0, type: u17, unit: V}'),
    'other.yaml': 'name: other\n',
  });
  const message = mistakesOf(() => read('./mine.yaml', './other.yaml', 'we-999', './mine.yaml'));
  expect(message).toContain(
    `${join(directory, 'config.yaml')} has 1 mistake:\n  line 1: meters[2].model: is "we-999"; `,
  );
  expect(message).toContain(
    `${join(directory, 'mine.yaml')} has 1 mistake:\n  line 4: registers[0].type: is "u17"; did you mean u16?`,
  );
  expect(message).toContain(`${join(directory, 'other.yaml')} has 2 mistakes:\n`);
  expect(message.match(/mine\.yaml has/g)).toHaveLength(1);
});

test('a table that is not there is a mistake of the meter that names it', () => {
  const { directory, read } = tablesIn({});
  expect(mistakesOf(() => read('./none.yaml'))).toContain(
    `meters[0].model: is "./none.yaml"; the register table ${join(directory, 'none.yaml')} is not there; a table to start from`,
  );
});

test('two tables of one name would be one series', () => {
  const { read } = tablesIn({ 'a.yaml': tableOf(REGISTER), 'b.yaml': tableOf(REGISTER) });
  expect(mistakesOf(() => read('./a.yaml', './b.yaml'))).toContain(
    'meters[1].model: is "./b.yaml", which is named mine, as is ./a.yaml; give each table a name of its own',
  );
});

test('a table by itself says what to start from', () => {
  try {
    loadTable(FIXTURE);
  } catch (error) {
    expect(error).toMatchObject({ code: 'config', hint: expect.stringContaining('meter describe we-515 --yaml') });
  }
  expect.assertions(1);
});

test('where tables are not at hand, the configuration is checked without them', () => {
  const text = 'meters: [{name: a, model: ./gone.yaml, connection: {serial: /dev/ttyUSB0}}]';
  expect(parseConfig(text, 'config.yaml', { tables: 'skip' }).meters[0]).toMatchObject({ model: './gone.yaml' });
});

test('a line is set as the meter leaves the factory, where nothing else is said', () => {
  const connection = (model: string, said = {}) =>
    parseConfig(
      JSON.stringify({ meters: [{ name: 'a', model, connection: { serial: '/dev/ttyUSB0', ...said } }] }),
      'config.yaml',
    ).meters[0]?.connection;
  expect(connection('we-515')).toMatchObject({ baudRate: 9600, parity: 'even', dataBits: 8, stopBits: 1 });
  expect(connection('sdm630')).toMatchObject({ baudRate: 9600, parity: 'none' });
  expect(connection('sdm120')).toMatchObject({ baudRate: 2400, parity: 'none' });
  expect(connection('sdm120', { baudRate: 9600 })).toMatchObject({ baudRate: 9600, parity: 'none' });
});

test('meters of different factory settings share a serial port, each with its own; a serial server has to be told its', () => {
  const meters = (line: string) =>
    `meters: [{name: a, model: we-515, connection: {${line}}}, {name: b, unit: 2, model: sdm630, connection: {${line}}}]`;
  const [orno, eastron] = parseConfig(meters('serial: /dev/ttyUSB0'), 'x').meters;
  expect([orno?.connection, eastron?.connection]).toMatchObject([{ parity: 'even' }, { parity: 'none' }]);
  expect(mistakesOf(() => parseConfig(meters('rtuOverTcp: host'), 'x'))).toContain('has other settings in meters[0]');
  expect(parseConfig(meters('rtuOverTcp: host, parity: none'), 'x').meters).toHaveLength(2);
});

test('a file that is far too large for a table is none', () => {
  const file = join(temporaryDirectory(), 'large.yaml');
  writeFileSync(file, `${tableOf(REGISTER)}\n#${' '.repeat(1e6)}`);
  expect(() => loadTable(file)).toThrow(/large\.yaml has 1 mistake:\n {2}is larger than 1 MB/);
});
