import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WE_515 } from '../../agent/meters/orno.ts';
import { serviceTables } from '../../agent/meters/service/catalogue.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { ServiceMemory } from '../../agent/simulator/service-memory.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { TcpLine } from '../../agent/simulator/tcp-line.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import type { PlannedFault } from '../../agent/simulator/write-faults.ts';
import { finished, runCommand } from '../support/child.ts';
import { restlessLoad } from '../support/restless-load.ts';
import { afterTest, expect, test } from '../support/side-by-side.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function gateway(framing: 'rtu' | 'mbap', more: { faults?: PlannedFault[]; unansweredException?: number } = {}) {
  const reached = { unit: 1, baudRate: 9600 };
  const service = new ServiceMemory({
    tables: serviceTables('we-515'),
    reached,
    clockAheadMs: 100_000,
    faults: more.faults ?? [],
  });
  const meter = new VirtualMeter({ model: WE_515, load: restlessLoad(1, 1000), service }, Date.now());
  const options = { slave: new Slave(new Map([[1, meter]])), random: seededRandom(1) };
  const { unansweredException } = more;
  const line = await TcpLine.listen(0, framing, unansweredException ? { ...options, unansweredException } : options);
  afterTest(() => line.close());
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
  const { config, port } = await gateway('rtu');
  const collector = runCommand(['collect', '--config', config]);
  await collector.printed(/line open/);
  await expect
    .poll(async () => (await finished(['status', '--config', config])).out, { timeout: 10_000 })
    .toContain('running as process');
  for (const at of [[], ['--rtu-over-tcp', `127.0.0.1:${port}`]]) {
    const { code, err } = await finished(['meter', 'read', ...at, '--config', config]);
    expect([code, err]).toEqual([
      69,
      expect.stringContaining(`is held by the collector, process ${collector.process.pid}`),
    ]);
  }
  await collector.end('SIGTERM');
  expect((await finished(['meter', 'read', '--config', config])).code).toBe(0);
});

test('line settings behind a gateway are not touched', async () => {
  const { config, service } = await gateway('mbap');
  const { code, err } = await finished(['meter', 'serial', '--config', config, '--to-baud', '4800', '--yes']);
  expect([code, err]).toEqual([64, expect.stringContaining('behind a gateway')]);
  expect(service.writes).toEqual([]);
});

test.for([0x0a, 0x0b])('a gateway that answers %i for a unit that is not there: nobody has answered', async (code) => {
  const { port, service } = await gateway('mbap', { unansweredException: code });
  const at = ['--tcp', `127.0.0.1:${port}`];
  const nobody = await finished(['meter', 'read', ...at, '--unit', '9']);
  expect([nobody.code, nobody.out, nobody.err]).toEqual([69, '', expect.stringContaining('unit 9 on tcp://')]);
  expect(nobody.err).toContain('does not answer: ');
  const moved = await finished(['meter', 'address', '7', ...at, '--yes']);
  expect([moved.code, moved.out, service.unit]).toEqual([0, expect.stringContaining('the meter answers as 7'), 7]);
});

test('a write that a gateway had no answer to is not taken for refused', async () => {
  const faults: PlannedFault[] = [{ fault: 'lose-request', at: 1 }];
  const { port, service } = await gateway('mbap', { faults, unansweredException: 0x0b });
  const { code, err } = await finished(['meter', 'address', '7', '--tcp', `127.0.0.1:${port}`, '--yes']);
  expect([code, err, service.unit]).toEqual([69, expect.stringContaining('was not written: no answer came'), 1]);
});
