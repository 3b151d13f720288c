import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { WE_515 } from '../../agent/meters/orno.ts';
import { serviceTables } from '../../agent/meters/service/catalogue.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { ServiceMemory } from '../../agent/simulator/service-memory.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { TcpLine } from '../../agent/simulator/tcp-line.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { finished, runCommand } from '../support/child.ts';
import { restlessLoad } from '../support/restless-load.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function gateway(framing: 'rtu' | 'mbap') {
  const reached = { unit: 1, baudRate: 9600 };
  const service = new ServiceMemory({ tables: serviceTables('we-515'), reached, clockAheadMs: 100_000 });
  const meter = new VirtualMeter({ model: WE_515, load: restlessLoad(1, 1000), service }, Date.now());
  const line = await TcpLine.listen(0, framing, { slave: new Slave(new Map([[1, meter]])), random: seededRandom(1) });
  onTestFinished(() => line.close());
  const directory = temporaryDirectory();
  const config = join(directory, 'config.yaml');
  const key = framing === 'rtu' ? 'rtuOverTcp' : 'tcp';
  const lines = [
    `stateDir: ${directory}/state`,
    `meters: [{name: house, model: we-515, connection: {${key}: 127.0.0.1:${line.port}}}]`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return { config, service, port: line.port };
}

test.for(['rtu', 'mbap'] as const)('a clock is set through a gateway: %s', async (framing) => {
  const { service, port } = await gateway(framing);
  const at = [framing === 'rtu' ? '--rtu-over-tcp' : '--tcp', `127.0.0.1:${port}`];
  expect((await finished(['meter', 'clock', ...at, '--set', '--force'])).code).toBe(0);
  expect([service.writes.length, Math.abs(service.clockAheadMs) <= 2000]).toEqual([1, true]);
});

test('a transparent gateway that the collector reads through is left to it', async () => {
  const { config } = await gateway('rtu');
  const collector = runCommand(['collect', '--config', config]);
  await collector.printed(/line open/);
  await expect
    .poll(async () => (await finished(['status', '--config', config])).out, { timeout: 10_000 })
    .toContain('running as process');
  const { code, err } = await finished(['meter', 'read', '--config', config]);
  expect([code, err]).toEqual([
    69,
    expect.stringContaining(`is held by the collector, process ${collector.process.pid}`),
  ]);
  await collector.end('SIGTERM');
  expect((await finished(['meter', 'read', '--config', config])).code).toBe(0);
});

test('line settings behind a gateway are not touched', async () => {
  const { config, service } = await gateway('mbap');
  const { code, err } = await finished(['meter', 'serial', '--config', config, '--to-baud', '4800', '--yes']);
  expect([code, err]).toEqual([64, expect.stringContaining('behind a gateway')]);
  expect(service.writes).toEqual([]);
});
