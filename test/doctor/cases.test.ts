import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CASES, type Case } from '../../agent/simulator/case-names.ts';
import { runCommand, runProgram } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A virtual meter of the command line on a pseudo-terminal; its path. */
async function simulated(...args: string[]): Promise<string> {
  const link = join(temporaryDirectory(), 'meter');
  const child = runCommand(['simulate', '--link', link, ...args]);
  await child.printed(/^virtual /);
  return link;
}

/** The command line as a person calls it, to its end. */
async function doctor(...args: string[]) {
  const child = runCommand(['doctor', ...args]);
  const code = await child.ended;
  return { code, out: child.output(), err: child.errors() };
}

const WHOLE_SEARCH_MS = 180_000;
/** As many at a time as two cores play without a reply being late. */
const AT_ONCE = 4;

interface Played {
  name: Case;
  /** How long to measure: as short as tells the case. */
  measured?: string;
  code: number;
  texts: RegExp[];
}

const PLAYED: Played[] = [
  {
    name: 'silent',
    code: 69,
    texts: [
      /fault no-answer: nothing answers: \d+ requests, not one byte came back/,
      /1\. look whether the meter has power.*\n +2\. swap the wires A and B/,
    ],
  },
  { name: 'swapped', code: 69, texts: [/fault swapped: the line idles the wrong way/, /1\. swap the wires A and B/] },
  { name: 'other-baud', code: 0, texts: [/found +4800 baud 8E1, unit 1/, /note not-factory/, /baudRate: 4800/] },
  { name: 'other-parity', code: 0, texts: [/found +9600 baud 8O1, unit 1/, /note not-factory/, /parity: odd/] },
  { name: 'any-parity', code: 0, texts: [/found +9600 baud 8E1/, /note any-parity: .* parity none as well/] },
  { name: 'other-unit', code: 0, texts: [/found +9600 baud 8E1, unit 17/, /unit: 17/] },
  { name: 'noise', measured: '9s', code: 69, texts: [/fault noise: /, /ground \(G, C\)/] },
  {
    name: 'no-termination',
    measured: '9s',
    code: 69,
    texts: [/fault termination: long replies are damaged more/, /1\. put 120 ohm/],
  },
  {
    name: 'two-meters',
    code: 69,
    texts: [/fault collision: something answers at 9600 baud, parity even, unit 1/, /1\. leave one meter/],
  },
  { name: 'other-master', code: 69, texts: [/fault other-master: somebody else asks/, /a line has one master/] },
  { name: 'echo', code: 0, texts: [/note echo: the adapter hears itself/, /good: the line is good/] },
  { name: 'slow', measured: '3s', code: 0, texts: [/note slow: it takes up to \d+ ms/, /responseTimeout: \d+ms/] },
  { name: 'dead-adapter', code: 69, texts: [/fault dead-adapter: .* takes no bytes/, /1\. pull the adapter out/] },
];

test(
  'each state of a line over a real pseudo-terminal: what is wrong, and what to do',
  {
    timeout: WHOLE_SEARCH_MS,
  },
  async () => {
    const waiting = [...PLAYED];
    const play = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const { name, measured = '1s', code, texts } = next;
        const link = await simulated('--case', name);
        const ended = await doctor('--port', link, '--for', measured);
        for (const text of texts) expect(ended.out, name).toMatch(text);
        expect([name, ended.code, ended.err]).toEqual([name, code, '']);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, play));
  },
);

test('each state that the simulator knows is played here', () => {
  expect(PLAYED.map(({ name }) => name).sort()).toEqual([...CASES].sort());
});

test('a meter that takes any parity: its replies say which is right', async () => {
  const link = await simulated('--case', 'any-parity', '--model', 'sdm120');
  const { out } = await doctor('--port', link, '--parity', 'even', '--no-measure');
  expect(out).toMatch(/found +2400 baud 8N1/);
  expect(out).toMatch(/fault wrong-parity: the meter answers with parity none; you said even/);
});

test('a port that another program holds is left alone', async () => {
  const link = await simulated();
  const holder = runCommand(['live', '--serial', link, '--state-dir', join(temporaryDirectory(), 'state')]);
  await holder.printed(/line ok/);
  const { code, out } = await doctor('--port', link);
  expect(out).toContain(`another program has ${link} open: energy-monitor live (process ${holder.process.pid})`);
  expect(out).toContain(`kill -INT ${holder.process.pid}`);
  expect(code).toBe(69);
  const settings = runProgram('stty', ['-F', link]);
  await settings.ended;
  expect(settings.output()).toContain('speed 9600');
  expect(await holder.end('SIGINT')).toBe(0);
});

test('what the configuration says is checked: unit, rate, parity, model', async () => {
  const link = await simulated('--strict');
  const config = join(temporaryDirectory(), 'config.yaml');
  const check = async (meter: string) => {
    writeFileSync(config, `meters: [{name: house, ${meter}, connection: {serial: ${link}}}]\n`);
    return doctor('--config', config, '--no-measure');
  };
  const wrong = await check('model: sdm120, unit: 4');
  expect(wrong.out).toMatch(/fault wrong-unit: the meter answers as unit 1; the configuration says for house 4/);
  expect(wrong.out).toMatch(/1\. write unit: 1 into the configuration/);
  for (const cause of ['wrong-baud', 'wrong-parity', 'wrong-model']) expect(wrong.out).toContain(`fault ${cause}: `);
  expect(wrong.code).toBe(78);
  const right = await check('model: we-515');
  expect(right.out).toMatch(/good: a meter answers/);
  expect(right.code).toBe(0);
});

test('Ctrl-C in the search and in the measuring: ends at once, the port is as it was', async () => {
  for (const [args, pause] of [
    [['--case', 'silent'], 1500],
    [['--strict'], 4000],
  ] as const) {
    const link = await simulated(...args);
    await runProgram('stty', ['-F', link, '1200', 'cstopb']).ended;
    const child = runCommand(['doctor', '--port', link]);
    await new Promise((resolve) => setTimeout(resolve, pause));
    expect(await child.end('SIGINT')).toBe(0);
    expect(child.errors()).toContain('stopped before the end');
    const settings = runProgram('stty', ['-F', link, '-a']);
    await settings.ended;
    expect(settings.output()).toMatch(/speed 1200 baud[\s\S]* cstopb/);
    expect(settings.output()).toMatch(/ -inpck/);
    const free = runProgram('flock', ['-n', link, 'true']);
    expect(await free.ended).toBe(0);
  }
});

test.for(['tcp', 'rtu-over-tcp'])('over a network: %s', async (kind) => {
  const meter = runCommand(['simulate', `--${kind}`, '0', '--unit', '9', '--model', 'we-526']);
  const [, port] = await meter.printed(/127\.0\.0\.1:(\d+)/);
  const { code, out } = await doctor(`--${kind}`, `127.0.0.1:${port}`, '--for', '1s');
  expect(out).toMatch(/found +unit 9, /);
  expect(out).toMatch(/model: we-526\n +unit: 9\n +connection:\n +(tcp|rtuOverTcp): 127\.0\.0\.1:\d+/);
  expect(code).toBe(0);
  await meter.end('SIGTERM');
  const away = await doctor(`--${kind}`, `127.0.0.1:${port}`);
  expect(away.out).toMatch(/fault gateway-away: .* refuses the connection/);
  expect(away.code).toBe(69);
});

test('the configuration that it writes is right, and the collector reads the meter with it', async () => {
  const link = await simulated('--strict', '--unit', '5', '--parity', 'none', '--model', 'we-517');
  const directory = temporaryDirectory();
  const config = join(directory, 'config.yaml');
  const first = await doctor('--port', link, '--no-measure', '--write', config);
  expect(first.code).toBe(0);
  expect(first.err).toContain(`${config} is written`);
  const second = await doctor('--port', link, '--no-measure', '--write', config);
  expect(second.code).toBe(64);
  expect(second.err).toMatch(/is there already, and is left as it is\n {2}.*--force/);
  expect((await doctor('--port', link, '--unit', '5', '--no-measure', '--write', config, '--force')).code).toBe(0);
  expect(readFileSync(config, 'utf8')).toContain('parity: none');
  const check = runCommand(['config', 'check', '--config', config]);
  expect(await check.ended).toBe(0);
  const stateDir = join(directory, 'state');
  appendFileSync(config, `stateDir: ${stateDir}\n`);
  const collector = runCommand(['collect', '--config', config]);
  const firstReading = async (): Promise<{ values: Record<string, number> }> => {
    for (;;) {
      const readings = runCommand(['readings', '--last', '1m', '--format', 'json', '--config', config]);
      if ((await readings.ended) === 0 && readings.output().includes('voltage_l1')) {
        return JSON.parse(readings.output())[0];
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  };
  expect((await firstReading()).values.voltage_l1).toBeGreaterThan(200);
  expect(await collector.end('SIGINT')).toBe(0);
});

test('--json has evidence, findings and the configuration', async () => {
  const link = await simulated('--strict', '--model', 'sdm630');
  const { out, code } = await doctor('--port', link, '--for', '1s', '--json');
  const report = JSON.parse(out);
  expect(report.lines[0]).toMatchObject({
    found: { unit: 1, settings: { baudRate: 9600, parity: 'none' } },
    recognised: { candidates: expect.arrayContaining(['sdm630']), isCertain: true },
    measured: { failed: 0, latency: { histogram: expect.any(Array) } },
    findings: [{ cause: 'healthy', level: 'good' }],
  });
  expect(report.config).toContain('model: sdm630');
  expect(code).toBe(0);
});

test.for([
  [['--port', '/dev/nowhere'], 69, /fault port-missing: serial port \/dev\/nowhere is not there/],
  [['--tcp', 'a:b:c'], 64, /a:b:c is no address/],
  [['--port', '/dev/x', '--tcp', 'y'], 64, /--port and --tcp exclude each other/],
  [['--model', 'we-999'], 64, /there is no meter we-999/],
  [['--config', '/nowhere.yaml'], 78, /configuration \/nowhere.yaml is not there/],
  [['--for', 'long'], 64, /Write a duration/],
] as const)('%j ends with %i', async ([args, expected, text]) => {
  const { code, out, err } = await doctor(...args);
  expect(out + err).toMatch(text);
  expect(out + err).not.toMatch(/\n\s+at /);
  expect(code).toBe(expected);
});
