import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Case } from '../../agent/simulator/case-names.ts';
import { REPOSITORY, runCommand, runProgram } from '../support/child.ts';
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

/** Long enough for a dozen long replies. */
const MEASURE = ['--for', '9s'];
const WHOLE_SEARCH_MS = 150_000;

describe.concurrent('each state of a line, over a real pseudo-terminal', () => {
  test.for<[Case, number, RegExp[]]>([
    ['swapped', 69, [/fault swapped: the line idles the wrong way round/, /1\. swap the wires A and B/]],
    ['other-baud', 0, [/found +4800 baud 8E1, unit 1/, /note not-factory/, /baudRate: 4800/]],
    ['other-parity', 0, [/found +9600 baud 8O1, unit 1/, /note not-factory/, /parity: odd/]],
    ['any-parity', 0, [/found +9600 baud 8E1/, /note any-parity: it answers with parity none as well/]],
    ['other-unit', 0, [/found +9600 baud 8E1, unit 17/, /unit: 17/]],
    ['noise', 69, [/fault noise: /, /ground \(G, C\)/]],
    ['no-termination', 69, [/fault termination: long replies are damaged more/, /1\. put 120 ohm/]],
    ['two-meters', 69, [/fault collision: something answers at 9600 baud, parity even, unit 1/, /1\. leave one meter/]],
    ['other-master', 69, [/fault other-master: somebody else asks/, /a line has one master/]],
    ['echo', 0, [/note echo: the adapter hears itself/, /good: the line is good/]],
    ['slow', 0, [/note slow: it takes up to \d+ ms/, /responseTimeout: \d+ms/]],
    ['dead-adapter', 69, [/fault dead-adapter: .* takes no bytes/, /1\. pull the adapter out/]],
  ])('%s', { timeout: WHOLE_SEARCH_MS }, async ([name, expected, texts]) => {
    const link = await simulated('--case', name);
    const { code, out, err } = await doctor('--port', link, ...MEASURE);
    for (const text of texts) expect(out).toMatch(text);
    expect(err).toBe('');
    expect(code).toBe(expected);
  });

  test('silent: no power, after all was tried', { timeout: WHOLE_SEARCH_MS }, async () => {
    const link = await simulated('--case', 'silent');
    const { code, out } = await doctor('--port', link);
    expect(out).toMatch(/fault no-answer: nothing answers: \d+ requests, not one byte came back/);
    expect(out).toMatch(/1\. look whether the meter has power.*\n +2\. swap the wires A and B/);
    expect(code).toBe(69);
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
      expect(settings.output()).toMatch(/speed 1200 baud[^]* cstopb/);
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
    expect((await doctor('--port', link, '--no-measure', '--write', config, '--force')).code).toBe(0);
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

test('the cases of the simulator are all played here', async () => {
  const { CASES } = await import('../../agent/simulator/case-names.ts');
  const text = readFileSync(join(REPOSITORY, 'test/doctor/cases.test.ts'), 'utf8');
  expect(CASES.filter((name) => !text.includes(`'${name}'`))).toEqual([]);
});
