import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from '../../agent/config/config-error.ts';
import { EXAMPLE_CONFIG } from '../../agent/config/example.ts';
import { loadConfig, parseConfig } from '../../agent/config/load.ts';
import { parseAddress, parseDuration, parseSize } from '../../agent/config/scalars.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function problemsOf(text: string): string[] {
  try {
    parseConfig(text, 'config.yaml');
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map(({ line, path, message }) => `${line ?? '-'} ${path}: ${message}`);
    throw error;
  }
  return [];
}

const METER = '{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}';

test('the example is right and shows every default', () => {
  expect(parseConfig(EXAMPLE_CONFIG, 'example')).toEqual({
    stateDir: '/var/lib/energy-monitor',
    meters: [
      {
        name: 'house',
        model: 'we-515',
        unit: 1,
        interval: 1000,
        intervals: {},
        connection: {
          serial: '/dev/ttyUSB0',
          baudRate: 9600,
          parity: 'even',
          dataBits: 8,
          stopBits: 1,
          responseTimeout: 250,
        },
      },
    ],
    journal: { flushInterval: 10_000, retention: 2_592_000_000, maxSize: 2e9 },
    clock: { hold: 600_000 },
    web: { listen: { host: '127.0.0.1', port: 8515 }, hosts: [], hideAfter: 30 * 86_400_000 },
    history: { retention: { minute: 34_560_000_000 } },
    influxdb: [
      {
        name: 'influxdb',
        url: 'http://localhost:8086',
        org: 'home',
        bucket: 'energy',
        hostBucket: 'host',
        tokenFile: '/etc/energy-monitor/influxdb.token',
        batchInterval: 10_000,
        batchSize: 1000,
        timeout: 30_000,
      },
    ],
  });
});

test('a zone is one of the IANA database, and coarser roll-ups stay at least as long as finer ones', () => {
  const found = (text: string) => problemsOf(`meters: [${METER}]\n${text}\n`);
  expect(found('timeZone: America/St_Johns')).toEqual([]);
  expect(found('timeZone: Mars/Olympus')).toEqual([
    expect.stringMatching(/^2 timeZone: is "Mars\/Olympus"; write a zone/),
  ]);
  expect(found('timeZone: 1')).toEqual([expect.stringMatching(/^2 timeZone: is 1; write a zone/)]);
  expect(found('history: {retention: {minute: 2y, quarter: 3y, hour: 10y}}')).toEqual([]);
  expect(found('history: {retention: {minute: 2y, quarter: 1y}}')).toEqual([
    expect.stringMatching(/^2 history.retention.quarter: is "1y"; keep it at least as long as minute/),
  ]);
  expect(found('history: {retention: {quarter: 6y, hour: 5y}}')).toEqual([
    expect.stringMatching(/hour: .* as quarter/),
  ]);
  expect(found('history: {retention: {minute: 1h}}')).toEqual([expect.stringMatching(/use a duration of 1d to 100y/)]);
  expect(found('history: {retention: {quarters: 6y}}')).toEqual([expect.stringMatching(/did you mean quarter\?/)]);
  expect(found('history: {retension: {}}')).toEqual([expect.stringMatching(/did you mean retention\?/)]);
});

test('servers are one or a list, and each mistake is shown where it stands', () => {
  const sinkProblems = (influxdb: string) => problemsOf(`meters: [${METER}]\ninfluxdb: ${influxdb}\n`);
  expect(sinkProblems('{url: http://pi:8086}')).toEqual([]);
  expect(sinkProblems('[{name: a, url: http://pi:8086}, {name: b, url: https://cloud.example}]')).toEqual([]);
  expect(sinkProblems('7')).toEqual([expect.stringMatching(/^2 influxdb: is 7; write the server as a mapping/)]);
  expect(sinkProblems('{}')).toEqual([expect.stringMatching(/^2 influxdb.url: is missing; write http:\/\/ or/)]);
  expect(sinkProblems('{url: http://me:secret@pi:8086}')).toEqual([expect.stringMatching(/nothing behind/)]);
  expect(sinkProblems('{url: pi:8086}')).toEqual([expect.stringMatching(/http:\/\/ or https:\/\//)]);
  expect(sinkProblems('{url: http://pi:8086, tokn: x}')).toEqual(['2 influxdb.tokn: unknown key; did you mean token?']);
  expect(sinkProblems('[{url: http://pi}, {url: http://pi, batchSize: 0}]')).toEqual([
    expect.stringMatching(/^2 influxdb\[1\].batchSize: is 0; use a whole number/),
    expect.stringMatching(/^2 influxdb\[1\]: is named "influxdb", as is influxdb\[0\]/),
  ]);
  expect(sinkProblems('{url: http://pi, token: a, tokenFile: b}')).toEqual([expect.stringMatching(/keep one of both/)]);
});

test.for([
  ['{url: "http://admin:hunter2@localhost:8086"}', 'url: is "http://***@localhost:8086"; write http://'],
  ['{url: "http://admin:hun/t@er2@localhost:8086"}', 'url: is "http://***@localhost:8086"; write http://'],
  ['{url: "admin:hunter2@localhost:8086"}', 'url: is "***@localhost:8086"; write http://'],
  ['{url: "http://hunter2@localhost:8086"}', 'url: is "http://***@localhost:8086"; write http://'],
  ['{url: "http://localhost:8086/?u=me&p=hunter2"}', 'url: is "http://localhost:8086/?***"; write http://'],
  ['{url: {"http://me:hunter2@localhost": 1}}', 'url: is {"http://***@localhost":1}; write'],
  ['{url: http://pi, "http://me:hunter2@pi": 1}', 'http://***@pi: unknown key; '],
  ['{url: http://pi token:hunter2}', 'url: is "http://pi token:***"; write http://'],
  ['{url: http://pi, token:hunter2}', 'token:***: unknown key; '],
  ['{url: http://pi, token: 12345678}', 'token: is a number, not shown here; write the token as text'],
  ['{url: http://pi, token: {user: hunter2}}', 'token: is a mapping, not shown here; write the token as text'],
  ['{url: http://pi, token: [hunter2]}', 'token: is a list, not shown here; write the token as text'],
  ['{url: http://pi, token: ""}', 'token: is empty; write the token, or name its file'],
  ['{url: http://pi, tokenFile: 12345678}', 'tokenFile: is a number, not shown here; write a path'],
  ['{url: http://pi, org: {password: hunter2}}', 'org: is {"password":"***"}; write the name'],
  ['[[{url: http://pi, token: hunter2}]]', 'is [{"url":"http://pi","token":"***"}]; write the server'],
  ['{url: http://pi, token: *hunter2}', 'no valid YAML: a value that begins with * needs quotes'],
])('no mistake shows a secret: %s', ([influxdb, said]) => {
  const problems = problemsOf(`meters: [${METER}]\ninfluxdb: ${influxdb}\n`).join('\n');
  expect(problems).toContain(said);
  expect(problems).not.toMatch(/hunter2|er2@|hun\/t|12345678|admin|me:/);
});

test('the least configuration has the defaults', () => {
  expect(parseConfig(`meters: [${METER}]`, 'least')).toMatchObject({
    stateDir: '/var/lib/energy-monitor',
    journal: { flushInterval: 10_000, maxSize: 2e9 },
    meters: [{ unit: 1, interval: 1000, connection: { baudRate: 9600, parity: 'even' } }],
  });
});

test('each kind of connection', () => {
  const text = `meters:
    - {name: a, model: we-514, connection: {tcp: "192.168.1.50"}}
    - {name: b, model: we-514, connection: {rtuOverTcp: "[fe80::1]:4001", baudRate: 1200, parity: none}}`;
  expect(parseConfig(text, 'x').meters.map((meter) => meter.connection)).toEqual([
    { tcp: { host: '192.168.1.50', port: 502 } },
    { rtuOverTcp: { host: 'fe80::1', port: 4001 }, baudRate: 1200, parity: 'none', dataBits: 8, stopBits: 1 },
  ]);
});

const TWENTY_MISTAKES = `stateDir: var/lib
statedir: /x
journal:
  flushIntervall: 10s
  flushInterval: 10
  retention: soon
  maxSize: 1kB
  max_size: 5
meters:
  - name: the house
    model: we-516x
    unit: 300
    interval: 1ms
    connection:
      serial: ttyUSB0
      baudrate: 9600
      baudRate: 9601
      parity: evn
      dataBits: 9
      stopBits: two
  - name: garage
    model: we-514
    colour: red
    connection: {serial: /dev/ttyUSB1, tcp: host}
  - name: garage
    connection: {tcp: "host:99999"}
`;

test('twenty mistakes are named at once, each with its line, place and remedy', () => {
  expect(problemsOf(TWENTY_MISTAKES)).toEqual([
    '1 stateDir: is "var/lib"; write an absolute path, such as /var/lib/energy-monitor',
    '10 meters[0].name: is "the house"; use letters, digits, _ . - only, at most 63',
    '11 meters[0].model: is "we-516x"; did you mean we-516?',
    '15 meters[0].connection.serial: is "ttyUSB0"; write an absolute path, such as /dev/ttyUSB0',
    '17 meters[0].connection.baudRate: is 9601; use one of 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200',
    '18 meters[0].connection.parity: is "evn"; use one of none, even, odd',
    '19 meters[0].connection.dataBits: is 9; use one of 7, 8',
    '20 meters[0].connection.stopBits: is "two"; use one of 1, 2',
    '16 meters[0].connection.baudrate: unknown key; did you mean baudRate?',
    '12 meters[0].unit: is 300; use a whole number from 1 to 247',
    '13 meters[0].interval: is "1ms"; use a duration of 100ms to 1h',
    '24 meters[1].connection: is {"serial":"/dev/ttyUSB1","tcp":"host"}; keep one of serial, tcp',
    '23 meters[1].colour: unknown key; known here are name, model, connection, unit, interval, intervals, clockSync',
    '25 meters[2].model: is missing; use one of we-504, we-514, we-515, we-516, we-517, we-525, we-526, sdm120, sdm230, sdm630, or a table of your own, such as ./my-meter.yaml',
    '26 meters[2].connection.tcp: is "host:99999"; write host:port, such as 192.168.1.50:502',
    '5 journal.flushInterval: is 10; write a duration with its unit, such as 1s to 10m',
    '6 journal.retention: is "soon"; write a duration with its unit, such as 1h to 100y',
    '7 journal.maxSize: is "1kB"; use at least 10MB',
    '4 journal.flushIntervall: unknown key; did you mean flushInterval?',
    '8 journal.max_size: unknown key; did you mean maxSize?',
    '2 statedir: unknown key; did you mean stateDir?',
    '25 meters[2].name: is "garage", as is meters[1]; give each meter a name of its own',
  ]);
});

test.for([
  ['', '- meters: is missing; list at least one meter'],
  ['meters: []', '1 meters: is []; list at least one meter'],
  ['meters: 3', '1 meters: is 3; list at least one meter'],
  ['just a text', '- : is "just a text"; write a mapping with the key meters at least'],
  ['meters: [5]', '1 meters[0]: is 5; write the meter as a mapping with name, model and connection'],
  [
    'meters: [{name: a, model: we-514, connection: /dev/ttyUSB0}]',
    '1 meters[0].connection: is "/dev/ttyUSB0"; write the connection as serial: /dev/ttyUSB0, tcp: host:502 or rtuOverTcp: host:4001',
  ],
  [
    `meters: [${METER}, {name: b, model: we-514, connection: {serial: /dev/ttyUSB0}}]`,
    '1 meters[1].connection: unit 1 on /dev/ttyUSB0 is meters[0] already; give each meter on a line a unit of its own',
  ],
  [
    'meters: [{name: a, model: we-514, connection: {rtuOverTcp: "10.0.0.1"}}, {name: b, unit: 2, model: we-514, connection: {rtuOverTcp: "10.0.0.1:4001", parity: none}}]',
    '1 meters[1].connection: 10.0.0.1:4001 has other settings in meters[0]; write those of the serial server for all its meters',
  ],
  [
    'meters: [{name: a, model: we-514, connection: {rtuOverTcp: "10.0.0.1:502"}}, {name: b, unit: 2, model: we-514, connection: {tcp: "10.0.0.1"}}]',
    '1 meters[1].connection: 10.0.0.1:502 is rtuOverTcp in meters[0]; write the same for all meters on a line',
  ],
] as const)('one mistake: %s', ([text, problem]) => {
  expect(problemsOf(text)).toEqual([problem]);
});

test.for([
  [`meters: [${METER}, {name: b, unit: 2, model: we-514, connection: {serial: /dev/ttyUSB0, baudRate: 9600}}]`],
  [
    'meters: [{name: a, model: we-514, connection: {tcp: "10.0.0.1"}}, {name: b, unit: 2, model: we-514, connection: {tcp: "10.0.0.1:502"}}]',
  ],
  [
    `meters: [${METER}, {name: b, unit: 2, model: we-514, connection: {serial: /dev/ttyUSB0, baudRate: 2400, parity: none, responseTimeout: 1s}}]`,
  ],
] as const)('two meters may share a line, defaults written out or not, and a serial port with settings of their own: %s', ([
  text,
]) => {
  expect(problemsOf(text)).toEqual([]);
});

test('the same gateway with and without its default port is one line', () => {
  const text =
    'meters: [{name: a, model: we-514, connection: {tcp: "10.0.0.1"}}, {name: b, model: we-514, connection: {tcp: "10.0.0.1:502"}}]';
  expect(problemsOf(text)).toEqual([expect.stringContaining('unit 1 on 10.0.0.1:502 is meters[0] already')]);
});

test('an alias to nowhere is no valid YAML', () => {
  expect(problemsOf('meters: [{name: *house}]')).toEqual([expect.stringContaining('no valid YAML')]);
});

test('an interval is whole milliseconds', () => {
  expect(
    parseConfig(`meters: [{name: a, model: we-514, interval: 333.3ms, connection: {tcp: host}}]`, 'x').meters[0]
      ?.interval,
  ).toBe(333);
});

test('text that is no YAML is said with its line', () => {
  const problems = problemsOf('meters: [\n  {name: a\nstateDir: /x\n');
  expect(problems.length).toBeGreaterThan(0);
  for (const problem of problems) expect(problem).toMatch(/^\d+ : no valid YAML: /);
});

test('a file that is not there, or a directory, is said in a sentence', () => {
  const directory = temporaryDirectory();
  expect(() => loadConfig(join(directory, 'none.yaml'))).toThrowError(/none\.yaml is not there$/);
  expect(() => loadConfig(directory)).toThrowError(/is a directory$/);
});

test.for([
  ['250ms', 250],
  ['1s', 1000],
  ['1.5 h', 5_400_000],
  ['30d', 2_592_000_000],
  ['1', undefined],
  ['-1s', undefined],
  ['1 fortnight', undefined],
] as const)('duration %s is %s ms', ([text, ms]) => {
  expect(parseDuration(text)).toBe(ms);
});

test.for([
  ['500MB', 500e6],
  ['1GiB', 2 ** 30],
  ['10', undefined],
  ['MB', undefined],
] as const)('size %s is %s bytes', ([text, bytes]) => {
  expect(parseSize(text)).toBe(bytes);
});

test.for([
  ['host', { host: 'host', port: 502 }],
  ['10.0.0.1:5020', { host: '10.0.0.1', port: 5020 }],
  ['[::1]:502', { host: '::1', port: 502 }],
  ['host:0', undefined],
  ['a b', undefined],
  ['http://host', undefined],
] as const)('address %s', ([text, address]) => {
  expect(parseAddress(text, 502)).toEqual(address);
});
