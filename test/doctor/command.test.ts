import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY, runCommand, runProgram } from '../support/child.ts';
import { doctor, simulated } from '../support/doctor.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('a meter that takes any parity: its replies say which is right', async () => {
  const link = await simulated('--case', 'any-parity', '--model', 'sdm120');
  const { out } = await doctor('--port', link, '--parity', 'even', '--no-measure');
  expect(out).toMatch(/found +2400 baud 8N1/);
  expect(out).toMatch(/fault wrong-parity: the meter answers with parity none; you said even/);
});

test('a port that another program holds is left alone', async () => {
  const link = await simulated();
  const holder = runCommand(['live', '--serial', link, '--state-dir', join(temporaryDirectory(), 'state')]);
  await holder.printed(/ kWh /);
  const { code, out } = await doctor('--port', link);
  expect(out).toContain(`another program has ${link} open: energy-monitor live (process ${holder.process.pid})`);
  expect(out).toContain(`kill -INT ${holder.process.pid}`);
  expect(code).toBe(69);
  const settings = runProgram('stty', ['-F', link]);
  await settings.ended;
  expect(settings.output()).toContain('speed 9600');
  expect(await holder.end('SIGINT')).toBe(0);
});

test('a transparent gateway, which has no lock, is left to a running collector', async () => {
  const meter = runCommand(['simulate', '--rtu-over-tcp', '0']);
  const [, port] = await meter.printed(/127\.0\.0\.1:(\d+)/);
  const stateDir = join(temporaryDirectory(), 'state');
  const config = join(temporaryDirectory(), 'config.yaml');
  const connection = `{rtuOverTcp: '127.0.0.1:${port}'}`;
  writeFileSync(config, `stateDir: ${stateDir}\nmeters: [{name: house, model: we-515, connection: ${connection}}]\n`);
  const collector = runCommand(['collect', '--config', config]);
  const isReading = async () => {
    const status = runCommand(['status', '--json', '--config', config]);
    return (await status.ended) !== undefined && status.output().includes('rtu+tcp://');
  };
  while (!(await isReading())) await new Promise((resolve) => setTimeout(resolve, 200));
  for (const place of [
    ['--config', config],
    ['--rtu-over-tcp', `127.0.0.1:${port}`],
  ]) {
    const child = runCommand(['doctor', ...place, '--no-measure', '--json'], { ENERGY_MONITOR_CONFIG: config });
    expect(await child.ended).toBe(69);
    expect(child.output()).toBe('');
    expect(child.errors()).toMatch(/is held by the collector, process \d+\n {2}.*stop energy-monitor-collector/);
  }
  expect(await collector.end('SIGINT')).toBe(0);
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
  const first = await doctor('--port', link, '--unit', '5', '--no-measure', '--write', config);
  expect(first.code).toBe(0);
  expect(first.err).toContain(`${config} is written`);
  const second = await doctor('--port', link, '--no-measure', '--write', config);
  expect(second.code).toBe(64);
  expect(second.err).toMatch(/is there already, and is left as it is\n {2}.*--force/);
  const third = await doctor(
    '--port',
    link,
    '--parity',
    'none',
    '--unit',
    '5',
    '--no-measure',
    '--write',
    config,
    '--force',
  );
  expect(third.code).toBe(0);
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

test('what it writes is right in any directory, from a port and a table that are named by relative paths', async () => {
  const link = await simulated('--strict');
  const directory = temporaryDirectory();
  const table = runCommand(['meter', 'describe', 'we-515', '--yaml']);
  await table.ended;
  writeFileSync(join(directory, 'my-meter.yaml'), table.output());
  const config = join(temporaryDirectory(), 'config.yaml');
  const [port, model] = [link, join(directory, 'my-meter.yaml')].map((path) => relative(REPOSITORY, path));
  const { code, err } = await doctor(
    ...['--port', port ?? '', '--model', model ?? '', '--no-measure', '--write', config],
  );
  expect([code, err]).toEqual([0, expect.stringContaining(`${config} is written`)]);
  const check = runCommand(['config', 'check', '--config', config]);
  expect(await check.ended).toBe(0);
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
  [['--port', '/dev/null'], 69, /fault port-missing: \/dev\/null is no serial port/],
  [['--port', 'package.json'], 69, /fault port-missing: .*package.json is no serial port/],
  [['--tcp', 'a:b:c'], 64, /a:b:c is no address/],
  [['--port', '/dev/x', '--tcp', 'y'], 64, /--port and --tcp exclude each other/],
  [['--model', 'we-999'], 64, /there is no meter we-999/],
  [['--config', '/nowhere.yaml'], 78, /configuration \/nowhere.yaml is not there/],
  [['--rtu-over-tcp', 'x', '--tcp', 'y'], 64, /--tcp and --rtu-over-tcp exclude each other/],
  [['--config', '/nowhere.yaml', '--unit', '3', '--write', 'x'], 64, /--unit and --write cannot stand beside --config/],
  [
    ['--port', '/dev/nowhere', '--write', '/nowhere/x.yaml'],
    74,
    /^energy-monitor: \/nowhere\/x.yaml cannot be written/,
  ],
  [['--baud', '9601'], 64, /Use one of 1200, .*115200/],
  [['--for', 'long'], 64, /Write a duration/],
] as const)('%j ends with %i', async ([args, expected, text]) => {
  const { code, out, err } = await doctor(...args);
  expect(out + err).toMatch(text);
  expect(out + err).not.toMatch(/\n\s+at /);
  expect(code).toBe(expected);
});
